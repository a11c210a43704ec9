package proxy

// count notes what the server is asked for.
func (r *requests) count(typ byte) {
	switch typ {
	case 'P', 'B', 'D', 'C':
		r.extend(typ)
	case 'E':
		r.extend(typ)
		r.counter.execute(r.uses.now)
	case 'Q', 'F':
		if r.doomed() { // the server skips it
			return
		}
		r.segment = r.segment[:0]
		r.counter.query(r.uses.now)
		r.uses.now = false
	case 'S':
		r.segment, r.poisoned = r.segment[:0], false
		r.uses.now = false
		r.counter.sync()
	case 'c', 'f':
		r.counter.copySent()
		r.client.copySent()
	case 'X':
		r.terminated.Store(true)
	}
}

// doomed reports whether the server skips whatever comes before the next Sync.
func (r *requests) doomed() bool { return len(r.segment) > 0 && (r.poisoned || r.counter.hasFailed()) }

// maxSegment is the length from which answered messages are cut off a segment.
const maxSegment = 4096

// extend adds a message to the segment.
func (r *requests) extend(typ byte) {
	if r.handler == nil {
		return
	}
	if len(r.segment) == 0 {
		r.counter.restart()
	}
	if len(r.segment) >= maxSegment && len(r.segment) == cap(r.segment) {
		r.shorten()
	}
	r.segment = append(r.segment, typ)
}

// shorten cuts off the segment what the server has answered: a client may send
// without end and never ask for a ReadyForQuery.
func (r *requests) shorten() {
	c := r.client
	c.hold()
	defer c.mu.Unlock()
	if r.counter.outstanding() > 0 || !c.books.empty() { // the answers are not those of the segment
		return
	}
	n := min(c.answered, len(r.segment))
	r.segment = r.segment[:copy(r.segment, r.segment[n:])]
	c.answered -= n
}
