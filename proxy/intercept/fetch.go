package intercept

import (
	"context"
	"fmt"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
)

// fetch refuses to read a portal of ours with SQL, where the server has a placeholder's rows. In the extended
// protocol the name counts when the statement is executed.
func (h *handler) fetch(q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	refusal := func() error {
		if q.TxStatus == 'E' || q.Portal == nil || !q.Portal(s.Name) {
			return nil
		}
		return &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: fmt.Sprintf("portal %s belongs to a command of the proxy, which has no cursor", quoted(s.Name)),
			Hint: "Go on with Execute messages of the protocol, or run the command itself. Drivers: turn off server-side cursors for it."}
	}
	if q.Extended {
		q.TxStatus = 'T' // in a failed transaction the server does not get so far
		return proxy.Verdict{Execute: func(context.Context) error { return refusal() }}, nil
	}
	return proxy.Verdict{}, refusal()
}
