package proxy

import (
	"errors"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A lot is where the directions of quiet sessions wait for bytes: one epoll set
// and one goroutine for all, where each would need a goroutine of its own. The
// zero value is an empty lot. Safe for concurrent use.
type lot struct {
	mu      sync.Mutex
	file    *os.File // the epoll set; nil until the first direction comes
	epoll   int      // its descriptor
	done    chan struct{}
	waiting []direction // by descriptor; a map would take three times as much
	count   int         // of those
	// fresh counts the directions that came since memory was given back, tidy
	// will look whether it is time to do so again; nil: no need.
	fresh int
	tidy  *time.Timer
}

// Memory is given back when so many directions have come, and they are no
// less than this part of those in the lot: a collection costs what all of them cost.
const (
	tidyCount = 100
	tidyPart  = 8
	tidyAfter = time.Second
)

// start makes the epoll set; l.mu is held.
func (l *lot) start() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // has the runtime wait for it as for a socket
		_ = unix.Close(fd)
		return err
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return err
	}
	l.file, l.epoll, l.done = file, fd, make(chan struct{})
	go func() {
		defer close(l.done)
		_ = raw.Read(l.readable) // until close
	}()
	return nil
}

// close ends the lot's goroutine. Nobody may be parked any more.
func (l *lot) close() {
	l.mu.Lock()
	if l.tidy != nil {
		l.tidy.Stop()
	}
	file := l.file
	l.mu.Unlock()
	if file != nil {
		_ = file.Close()
		<-l.done
	}
}

// readable gives the directions that have bytes, or an end, their goroutines back.
func (l *lot) readable(epoll uintptr) bool {
	var events [64]unix.EpollEvent
	for {
		n, err := unix.EpollWait(int(epoll), events[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 {
			return false
		}
		for _, e := range events[:n] {
			if d := l.remove(e.Fd); d != nil {
				go d.drive()
			}
		}
	}
}

// park lets a direction wait. It reports false if that cannot be.
func (l *lot) park(d direction) bool {
	parked := false
	err := d.source().raw.Control(func(fd uintptr) { parked = l.add(int32(fd), d) })
	return parked && err == nil
}

func (l *lot) add(fd int32, d direction) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil && l.start() != nil {
		return false
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: fd}
	if unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, int(fd), &event) != nil {
		return false
	}
	for len(l.waiting) <= int(fd) {
		l.waiting = append(l.waiting, nil)
	}
	l.waiting[fd] = d
	l.count++
	l.fresh++
	if l.tidy == nil {
		l.tidy = time.AfterFunc(tidyAfter, l.giveBack)
	}
	return true
}

// giveBack returns to the system what the sessions in the lot no longer need:
// without it the heap stays as large as it was when all were busy.
func (l *lot) giveBack() {
	l.mu.Lock()
	l.tidy = nil
	enough := l.fresh >= max(tidyCount, l.count/tidyPart)
	if enough {
		l.fresh = 0
	}
	l.mu.Unlock()
	if enough {
		debug.FreeOSMemory()
	}
}

// take takes a direction out and reports whether it was there.
func (l *lot) take(d direction) bool {
	found := false
	err := d.source().raw.Control(func(fd uintptr) { found = l.remove(int32(fd)) != nil })
	return found && err == nil
}

// remove takes out the direction that waits for a descriptor, nil if there is none.
func (l *lot) remove(fd int32) direction {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(fd) >= len(l.waiting) {
		return nil
	}
	d := l.waiting[fd]
	if d != nil {
		l.waiting[fd] = nil
		l.count--
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, int(fd), nil)
	}
	return d
}
