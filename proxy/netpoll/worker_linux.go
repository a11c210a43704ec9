//go:build !portable

package netpoll

// Await has a worker step when there is something to read. It reports false, and does nothing, if there may
// be something already, or no event can come.
func (s *Socket) Await(w Worker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.await(s) {
		return false
	}
	s.worker = w
	return true
}

// await has w go on when there is something to read; s.mu is held.
func (s *Socket) await(w waiter) bool {
	if s.input.ready || s.atEnd.Load() || s.input.expired.Load() {
		s.input.ready = false
		return false
	}
	if s.listen(eventsIn) != nil {
		s.input.expired.Store(true) // no event would come: the next read fails
		return false
	}
	s.waiting, s.outward = w, false
	return true
}

// advance implements waiter for the worker.
func (s *Socket) advance(l *leader) (leads bool) {
	t, w := s.task, s.worker
	t.lead(l)
	next, err := w.Step()
	leads = t.led(l)
	switch {
	case (next == Wait || next == WaitForMany) && s.Await(w):
		if leads && next == WaitForMany {
			t.poller.raise(s)
		}
	case !leads:
		w.Work(err)
	case next != End:
		go w.Work(err)
		l.woke = true
	default:
		t.lead(l)
		w.Work(err)
		leads = t.led(l)
	}
	return leads
}

// goOn implements waiter for the worker.
func (s *Socket) goOn() { s.worker.Work(nil) }

// happened notes events. It returns who has to go on now, if somebody waits.
func (s *Socket) happened(events uint32) (w waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if events&eventsEnd != 0 {
		s.atEnd.Store(true)
	}
	if events&(eventsIn|eventsEnd) != 0 {
		w = s.tell(&s.input)
	}
	if events&(eventsOut|eventsEnd) != 0 {
		if out := s.tell(&s.output); out != nil {
			w = out
		}
	}
	return w
}

// tell returns the waiter if it waits for that way, or wakes who does; s.mu is held.
func (s *Socket) tell(r *readiness) (w waiter) {
	if s.waiting == nil || s.outward != (r == &s.output) {
		r.happened()
		return nil
	}
	w, s.waiting = s.waiting, nil
	return w
}

// happened wakes who waits; the socket's mu is held.
func (r *readiness) happened() {
	r.ready = true
	r.notify()
}

func (r *readiness) notify() {
	if r.wake != nil {
		close(r.wake)
		r.wake = nil
	}
}

// pass lets other sockets have their turn, if a fiber calls it. What comes next, or has come, or a deadline ends it.
func (s *Socket) pass() {
	f := s.task.fiber
	if f == nil {
		return
	}
	s.mu.Lock()
	passes := !s.input.expired.Load() && s.task.poller.change(s, s.events) == nil // the present state comes as an event
	if passes {
		s.waiting, s.outward = f, false
	}
	s.mu.Unlock()
	if passes {
		f.pause()
	}
}
