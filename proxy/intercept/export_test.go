package intercept

import (
	"time"

	"mzproxy/proxy"
)

// OpenSession watches a session that is not the proxy's.
func (i *Interceptor) OpenSession(s interface {
	Info() proxy.SessionInfo
	Parameter(name string) string
	Use() (now bool, ended time.Time)
}) proxy.Handler {
	return i.open(s)
}
