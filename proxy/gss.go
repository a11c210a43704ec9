package proxy

import (
	"errors"
	"os"
	"time"

	"mzproxy/proxy/netpoll"
)

// mayAnswer has the client's answer to an AuthenticationGSSContinue forwarded
// while the server is read. The last one is not answered, and only the two ends know
// which that is. The function that mayAnswer returns must be called when the server has gone
// on; its error is the client'l.
func (l *login) mayAnswer() (answered func() error) {
	l.task.Detach()
	done := make(chan error, 1)
	go func() {
		err := l.guard(l.passAnswer)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			_ = l.upstream.SetReadDeadline(netpoll.Past) // nobody is left to read for
		}
		done <- err
	}()
	return func() error {
		l.readDeadline(netpoll.Past)
		err := <-done
		l.readDeadline(time.Time{})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		return err
	}
}

// passAnswer forwards the client's next message if it is an answer.
func (l *login) passAnswer() error {
	frame, err := l.requests.pump.frame(maxAuthMessage)
	if err != nil || frame[0] != 'p' {
		return err
	}
	return l.forwardAnswer(frame)
}
