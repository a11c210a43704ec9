package proxy

import (
	"errors"
	"net"

	"mzproxy/proxy/netpoll"
	"mzproxy/proxy/wire"
)

// errPause is returned by a consumer that has work to do outside of the pump:
// what waits, what calls a handler.
var errPause = errors.New("pause")

// errMuch stops a step that has so much to relay that others should not wait for it.
var errMuch = errors.New("much to do")

// muchReads is how many times a step fills its buffer before it is errMuch.
const muchReads = 16

// A consumer takes the bytes of one direction.
type consumer interface {
	// consume takes what it can of data and returns how much; the rest is
	// offered again with more after it. An error stops the pump.
	consume(data []byte) (int, error)
}

// A pump reads one connection and hands the bytes to its consumer. It holds a
// buffer only while there are bytes in it. It belongs to whoever runs its direction.
type pump struct {
	conn     net.Conn
	socket   *netpoll.Socket // conn, or what it encrypts, if a poller waits for it; nil: Read waits
	consumer consumer
	buf      []byte // nil, pooled, or grown for one long message
	have     int    // bytes in buf
	streak   int32  // bytes that came in large pieces since the latest small one, up to bulk
	more     bool   // the latest read took what a small buffer has, or all there was space for
}

func newPump(conn net.Conn, c consumer) *pump {
	return &pump{conn: conn, consumer: c, socket: netpoll.SocketOf(conn)}
}

// run relays until there is nothing to read (nil; only where a poller waits), the
// consumer stops it (its error), the peer closes (io.EOF) or reading fails.
func (p *pump) run() error {
	defer p.release()
	if p.have > 0 {
		if err := p.offer(); err != nil {
			return err
		}
	}
	if p.socket == nil {
		return p.runPortable()
	}
	err := p.step()
	for errors.Is(err, errMuch) {
		err = p.step()
	}
	return err
}

func (p *pump) runPortable() error {
	for {
		p.room()
		space := p.buf[p.have:]
		n, err := p.conn.Read(space)
		p.read(n, len(space))
		if n > 0 {
			if err := p.offer(); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// step is run that does not go on for long: errMuch.
func (p *pump) step() error {
	for range muchReads {
		p.room()
		space := p.buf[p.have:]
		n, empty, err := p.socket.ReadNow(p.conn, space)
		if n > 0 { // otherwise the size of the buffer to come stays as it is
			p.read(n, len(space))
			if err := p.offer(); err != nil {
				return err
			}
		}
		if err != nil || empty {
			p.release()
			return err
		}
	}
	return errMuch
}

// plain reports whether there is nothing between the pump and its socket.
func (p *pump) plain() bool { return p.socket != nil && p.conn == net.Conn(p.socket) }

// room makes sure that there is space to read into.
func (p *pump) room() {
	switch {
	case p.buf == nil:
		p.buf = takeBuffer(p.more)
	case p.have == len(p.buf), p.more && len(p.buf) < largeBuffer:
		old := p.buf
		p.grow(2 * len(old))
		freeBuffer(old)
	}
}

// read notes that n bytes were read where there was space for more or no more.
func (p *pump) read(n, space int) {
	p.have += n
	p.more = n == space || n >= smallBuffer
	if n < smallBuffer {
		p.streak = 0
	} else if p.streak < bulk {
		p.streak += int32(n)
	}
}

// bulk is how much comes in large pieces before a transfer counts as one that goes on.
const bulk = 1 << 20

// bulky reports whether a large transfer is under way, of which only the whole matters.
func (p *pump) bulky() bool { return p.streak >= bulk && p.plain() }

// grow makes the buffer larger.
func (p *pump) grow(size int) {
	var grown []byte
	if size <= largeBuffer {
		grown = takeBuffer(true)
	} else {
		grown = make([]byte, size)
	}
	copy(grown, p.buf[:p.have])
	p.buf = grown
}

// offer hands the buffer to the consumer and keeps what it did not take.
func (p *pump) offer() error {
	n, err := p.consumer.consume(p.buf[:p.have])
	p.discard(n)
	return err
}

// discard drops the first n bytes of the buffer.
func (p *pump) discard(n int) {
	p.have = copy(p.buf, p.buf[n:p.have])
	p.release()
}

// push adds bytes that were read elsewhere, after those in the buffer.
func (p *pump) push(data []byte) {
	if len(data) == 0 {
		return
	}
	if p.buf == nil {
		p.room()
	}
	if need := p.have + len(data); need > len(p.buf) {
		p.grow(max(need, 2*len(p.buf))) // the old one is still looked at: left to the collector
	}
	p.have += copy(p.buf[p.have:], data)
}

// release gives an empty buffer back.
func (p *pump) release() {
	if p.have > 0 || p.buf == nil {
		return
	}
	freeBuffer(p.buf)
	p.buf = nil
}

// frame returns the next whole message of at most limit bytes, reading as much
// as needed; discard it when done. For the start of a session only.
func (p *pump) frame(limit int) ([]byte, error) {
	for {
		if p.have >= wire.HeaderSize {
			size, err := wire.FrameSize(p.buf)
			if err != nil {
				return nil, err
			}
			if size > limit {
				return nil, wire.Malformed("message too long at the start of a session")
			}
			if p.have >= size {
				return p.buf[:size], nil
			}
		}
		p.room()
		n, err := p.conn.Read(p.buf[p.have:])
		p.have += n
		if err != nil && n == 0 {
			p.release()
			return nil, err
		}
	}
}
