package proxy

import "sync"

// Sizes of the buffers that pumps read into. 64 kB move 1 kB COPY rows at the
// rate of a direct connection; smaller buffers cost system calls. Most messages
// are small, though, and so is the first buffer.
const (
	smallBuffer = 8 << 10
	largeBuffer = 64 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// takeBuffer returns a buffer; freeBuffer takes it back.
func takeBuffer(large bool) []byte {
	if large {
		return largeBuffers.Get().(*[largeBuffer]byte)[:]
	}
	return smallBuffers.Get().(*[smallBuffer]byte)[:]
}

// freeBuffer takes a buffer back. One of another size is the collector's.
func freeBuffer(buf []byte) {
	switch len(buf) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(buf))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(buf))
	}
}
