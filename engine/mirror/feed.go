package mirror

// feed is one subscription: what it has told that is not complete yet.
type feed struct {
	begun    bool
	first    Timestamp // of its first line: the rows of its beginning are told at that time
	frontier Timestamp
	waiting  []Line // rows at the frontier or later
}

// take takes in a line, and tells whether the frontier moved.
func (f *feed) take(l Line) (moved bool) {
	if !f.begun {
		f.begun, f.first = true, l.At
	}
	if !l.Progress {
		f.waiting = append(f.waiting, l)
		return false
	}
	if l.At <= f.frontier {
		return false
	}
	f.frontier = l.At
	return true
}

// complete tells whether all rows before a frontier are known, those of the beginning included.
func (f *feed) complete(frontier Timestamp) bool {
	return f.begun && f.first < frontier && frontier <= f.frontier
}

// before removes and returns the rows of timestamps before a frontier.
func (f *feed) before(frontier Timestamp) []Line {
	later := make([]Line, 0, 8) // nearly always nothing is
	ready := f.waiting[:0]
	for _, l := range f.waiting {
		if l.At < frontier {
			ready = append(ready, l)
		} else {
			later = append(later, l)
		}
	}
	f.waiting = later
	return ready
}
