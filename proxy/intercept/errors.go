package intercept

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// SQLSTATEs of what we say.
const (
	codeOK                = "00000"
	codeWarning           = "01000"
	codeEngine            = "08006" // the server cannot be reached by the controller
	codeInvalidValue      = "22023"
	codeBadPattern        = "22025"
	codeNotJSON           = "22P02"
	codeNotNull           = "23502"
	codeActiveTransaction = "25000"
	codeInTransaction     = "25001"
	codeNoTx              = "25P01"
	codeNotAllowed        = "42501"
	codeSyntax            = "42601"
	codeNoColumn          = "42703"
	codeAmbiguous         = "42P09"
	codeUndefined         = "42704"
	codeNoParameter       = "42P02"
	codeTooMany           = "53000"
	codeWrongState        = "55000"
	codeCancelled         = "57014"
)

func notice(severity, code, message, detail, hint string) *proxy.Notice {
	return &proxy.Notice{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: message, Detail: detail, Hint: hint}
}

// placed turns an error about the text into what the client sees.
func placed(text string, e rewrite.Placed) *proxy.Error {
	out := &proxy.Error{Code: codeSyntax, Message: e.Error(), Position: pgtext.CharPosition(text, e.Place())}
	switch e := e.(type) {
	case *rewrite.SyntaxError:
		out.Hint = e.Hint()
		out.Code = cmp.Or(e.Code, codeSyntax)
	case *rewrite.ColumnError:
		out.Code = codeNoColumn
		out.Hint = engine.Perhaps(e.Column, e.Columns)
	case *rewrite.DoubtError:
		out.Code, out.Hint = wire.CodeFeatureNotSupported, e.Hint
		if e.TooLong {
			out.Code = wire.CodeProgramLimit
		}
	case *rewrite.SettingError:
		out.Code = codeUndefined
		out.Hint = "Perhaps you meant " + quoted(rewrite.NoticesSetting) + "."
	}
	return out
}

// configState is the SQLSTATE of a fault in a row.
func configState(code engine.ConfigCode) string {
	switch code {
	case engine.NotJSON:
		return codeNotJSON
	case engine.UnknownSize, engine.UnknownType:
		return codeUndefined
	case engine.Experimental, engine.NotOnManaged:
		return codeWrongState
	case engine.NotSupported:
		return wire.CodeFeatureNotSupported
	}
	return codeInvalidValue
}

// problemState is the SQLSTATE of a finding in what is stored.
func problemState(code engine.ProblemCode) string {
	switch code {
	case engine.ManagedCluster, engine.SystemCluster, engine.ExperimentalDisabled:
		return codeWrongState
	case engine.UnapprovedRow:
		return codeNotAllowed
	case engine.UnknownStrategy:
		return codeUndefined
	}
	return codeInvalidValue
}

// sqlState is what an error of the server carries.
type sqlState interface{ SQLState() string }

// sqlstate is the SQLSTATE of an error that came from the server.
func sqlstate(err error) string {
	var s sqlState
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return codeEngine
}

// sentence makes one of a message.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// maxName is what the names of objects keep to; a text that stands in the place of one may be longer.
const maxName = 255

// quoted names an object, in messages: as it is.
func quoted(name string) string {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "..."
	}
	return `"` + name + `"`
}

// unreachable is what a command says when the controller's connection fails. What ended because
// the client, or the proxy, did not want to wait is theirs to explain.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	e := &proxy.Error{Code: sqlstate(err), Message: "the controller cannot read the server now", Detail: sentence(reconcile.Said(err)), Hint: "Try again in a moment; mzproxy check tells more.", Err: err}
	if mends := remedy(err); mends != "" {
		e.Message, e.Hint = "the controller cannot read what it needs", mends
	}
	return e
}

// discreet leaves out of an error where and as whom the controller connects, unless the session is a superuser's. The log has it.
func (h *handler) discreet(err error) error {
	var e *proxy.Error
	if !errors.As(err, &e) || e.Err == nil {
		return err
	}
	if said := h.cause(e.Err); said != sentence(reconcile.Said(e.Err)) {
		neutral := *e
		neutral.Detail = said
		return &neutral
	}
	return err
}

// cause is what a session is told of why the controller cannot do something.
func (h *handler) cause(err error) string {
	var server *reconcile.ServerError
	if errors.As(err, &server) || h.self.super || h.self.admin || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return sentence(reconcile.Said(err))
	}
	h.log.WithError(err).Warn("the controller cannot reach the server")
	return "It cannot reach the server, or is refused there. The log, and superusers, are told more."
}

// remedy is what mends an error of the server, where that is known.
func remedy(err error) string {
	var e *reconcile.ServerError
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
