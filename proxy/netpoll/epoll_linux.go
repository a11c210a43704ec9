//go:build !portable

package netpoll

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An epollSet waits for events of descriptors, edge-triggered. Events that come one upon the other are waited for in a
// call that the scheduler does not know of: it keeps its processor, which nobody takes away, and the monitor of
// the runtime has nothing to watch. When nothing has come for some time, the runtime's own poller waits for the set, as it would
// for a socket, and wakes the goroutine.
//
// A blocking call that the scheduler knows of loses its processor every 10 ms, whereupon the
// monitor looks every 20 µs for a while: at 64 clients 15 % fewer transactions, which needed a fifth
// more CPU; and after each pause, a p99 of 200 µs instead of 160.
type epollSet struct {
	fd     int
	wakeup int // an eventfd that ends a wait
	// quiet holds the set itself, for one event each time that it is armed: a set that was in
	// the runtime's poller always would wake a thread for each event.
	quiet   *os.File
	waiter  syscall.RawConn // of quiet
	quietFD int
	roused  bool  // by the runtime's poller
	most    int32 // processors that may be kept
}

// newEpollSet makes an empty set.
func newEpollSet() (*epollSet, error) {
	var fds [3]int
	for i, open := range []func() (int, error){
		func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) },
		func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) },
		func() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) },
	} {
		fd, err := open()
		if err != nil {
			for _, fd := range fds[:i] {
				_ = unix.Close(fd)
			}
			return nil, fmt.Errorf("poller: %w", err)
		}
		fds[i] = fd
	}
	e := &epollSet{fd: fds[0], quietFD: fds[1], wakeup: fds[2], most: int32(runtime.GOMAXPROCS(0) / 2)}
	_ = unix.SetNonblock(e.quietFD, true) // or the runtime would not poll it
	e.quiet = os.NewFile(uintptr(e.quietFD), "epoll")
	var err error
	if e.waiter, err = e.quiet.SyscallConn(); err == nil {
		err = control(e.quietFD, unix.EPOLL_CTL_ADD, e.fd, 0, unix.EPOLLONESHOT)
	}
	if err == nil {
		err = control(e.fd, unix.EPOLL_CTL_ADD, e.wakeup, 0, unix.EPOLLIN)
	}
	if err != nil {
		e.close()
		return nil, fmt.Errorf("poller: %w", err)
	}
	return e, nil
}

// close closes the set, for which nobody waits any more.
func (e *epollSet) close() {
	_, _, _ = e.quiet.Close(), unix.Close(e.fd), unix.Close(e.wakeup)
}

// wake ends a wait, with an event of a descriptor that nobody knows.
func (e *epollSet) wake() {
	_, _ = unix.Write(e.wakeup, binary.NativeEndian.AppendUint64(nil, 1))
}

// add lets events of a descriptor come, the present state as the first one. Each tells the generation.
func (e *epollSet) add(fd int, generation int32, events uint32) error {
	return control(e.fd, unix.EPOLL_CTL_ADD, fd, generation, events|unix.EPOLLET)
}

// change makes other events come, the present state as the first one.
func (e *epollSet) change(fd int, generation int32, events uint32) error {
	return control(e.fd, unix.EPOLL_CTL_MOD, fd, generation, events|unix.EPOLLET)
}

// generation is what an event was to tell.
func generation(event *unix.EpollEvent) int32 { return event.Pad }

func control(epoll, op, fd int, generation int32, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: generation}
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&event)), 0, 0)
	return failed("epoll_ctl", errno)
}

// wait waits for events, at least one. One goroutine at a time may wait.
func (e *epollSet) wait(events []unix.EpollEvent) int {
	if e.roused { // the thread came from the runtime's poller, where another one should wait now
		e.roused = false
		runtime.Gosched()
	}
	for {
		if n := e.waitKeeping(events); n > 0 {
			return n
		}
		e.waitQuietly()
		if n := rawWait(e.fd, events, 0); n > 0 {
			e.roused = true
			return n
		}
	}
}

// patience is how long the scheduler is told nothing.
const patience = 2 * time.Millisecond

// kept is how many processors are kept by those who wait: of all sets, for there may be several servers in a program.
var kept atomic.Int32

// waitKeeping waits without telling the scheduler, unless half of the processors are kept already: others have to run meanwhile.
func (e *epollSet) waitKeeping(events []unix.EpollEvent) int {
	timeout := patience
	if kept.Add(1) > e.most {
		timeout = 0
	}
	n := rawWait(e.fd, events, timeout)
	kept.Add(-1)
	return n
}

// waitQuietly returns when there may be an event.
func (e *epollSet) waitQuietly() {
	err := control(e.quietFD, unix.EPOLL_CTL_MOD, e.fd, 0, unix.EPOLLIN|unix.EPOLLONESHOT)
	if err == nil {
		err = e.waiter.Read(func(fd uintptr) bool {
			var event [1]unix.EpollEvent
			return rawWait(int(fd), event[:], 0) > 0
		})
	}
	if err != nil {
		panic(err) // of descriptors of ours: cannot be
	}
}

// waitBriefly waits for a shorter time than wait can.
func (e *epollSet) waitBriefly(events []unix.EpollEvent, timeout time.Duration) int {
	limit := unix.NsecToTimespec(timeout.Nanoseconds())
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(e.fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))),
		uintptr(len(events)), uintptr(unsafe.Pointer(&limit)), 0, 0)
	if errno == unix.ENOSYS { // before Linux 5.11
		return rawWait(e.fd, events, time.Millisecond)
	}
	return waited("epoll_pwait2", n, errno)
}

// rawWait waits without telling the scheduler. It returns early when the thread gets a signal, by which
// the runtime stops goroutines.
func rawWait(epoll int, events []unix.EpollEvent, timeout time.Duration) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))),
		uintptr(len(events)), uintptr(timeout.Milliseconds()), 0, 0)
	return waited("epoll_pwait", n, errno)
}

// waited is the number of events that a wait brought.
func waited(call string, n uintptr, errno syscall.Errno) int {
	switch errno {
	case 0:
		return int(n)
	case unix.EINTR:
		return 0
	}
	panic(os.NewSyscallError(call, errno)) // of a descriptor of ours: cannot be
}
