package mzsim

import "testing"

// Whoever watches is told of what has ended since the last snapshot, unless it is to be ignored.
func TestWatcherNews(t *testing.T) {
	for _, test := range []struct {
		name, last, now string
		silent          []uint64
		want            bool
	}{
		{"nothing", "10:10:", "10:10:", nil, false},
		{"one has begun", "10:10:", "10:11:10", nil, false},
		{"one has ended", "10:10:", "11:11:", nil, true},
		{"one has begun before, and ended", "10:12:10,11", "11:12:11", nil, true},
		{"a silent one has ended", "10:10:", "11:11:", []uint64{10}, false},
		{"a silent one and another one", "10:10:", "12:12:", []uint64{10}, true},
		{"a silent one, and another one goes on", "10:11:10", "10:12:10", []uint64{11}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			last, err := parseSnapshot(test.last)
			if err != nil {
				t.Fatal(err)
			}
			now, err := parseSnapshot(test.now)
			if err != nil {
				t.Fatal(err)
			}
			w := newWatcher(nil, nil)
			for _, xid := range test.silent {
				w.ignore(xid)
			}
			if got := w.news(last, now); got != test.want {
				t.Errorf("news: %t", got)
			}
		})
	}
	for _, text := range []string{"", "1:2", "a:2:", "1:2:x"} {
		if _, err := parseSnapshot(text); err == nil {
			t.Errorf("%q is a snapshot", text)
		}
	}
}
