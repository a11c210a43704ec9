package proxy

import (
	"errors"
	"mzproxy/proxy/netpoll"
	"os"
	"time"
)

// mayAnswer has the client's answer to an AuthenticationGSSContinue forwarded
// while the server is read. The last one is not answered, and only the two ends know
// which that is. The function that mayAnswer returns must be called when the server has gone
// on; its error is the client's.
func (s *Session) mayAnswer() (answered func() error) {
	s.task.Detach()
	done := make(chan error, 1)
	go func() {
		err := s.guard(s.passAnswer)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			_ = s.upstream.SetReadDeadline(netpoll.Past) // nobody is left to read for
		}
		done <- err
	}()
	return func() error {
		s.readDeadline(netpoll.Past)
		err := <-done
		s.readDeadline(time.Time{})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		return err
	}
}

// passAnswer forwards the client's next message if it is an answer.
func (s *Session) passAnswer() error {
	frame, err := s.requests.pump.frame(maxAuthMessage)
	if err != nil || frame[0] != 'p' {
		return err
	}
	return s.forwardAnswer(frame)
}
