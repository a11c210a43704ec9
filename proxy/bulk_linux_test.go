//go:build !portable

package proxy

import "testing"

// A transfer is bulky from a megabyte on that comes in large pieces.
func TestBulky(t *testing.T) {
	_, listener := listening(t)
	p := newPump(pair(t, listener).ours, nil)
	read := func(n int) {
		p.room()
		p.read(min(n, len(p.buf)), len(p.buf))
		p.discard(p.have)
	}
	for sent := 0; sent < bulk; sent += smallBuffer {
		if p.bulky() {
			t.Fatalf("after %d bytes", sent)
		}
		read(smallBuffer)
	}
	if !p.bulky() {
		t.Error("never")
	}
	read(smallBuffer - 1)
	if p.bulky() {
		t.Error("after a small piece")
	}
}
