package mzsim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
)

// subscribe is a SUBSCRIBE statement.
type subscribe struct {
	query    string // what is watched
	snapshot bool   // begin with the rows that are there
	progress bool
	asOf     int64 // not to begin before; 0: now
	atLeast  bool  // AS OF AT LEAST: an earlier time means now
	upTo     int64 // to end at; 0: never
	copy     bool  // COPY (SUBSCRIBE ...) TO STDOUT
}

// subscribe reads SUBSCRIBE [TO] {relation | (query)} [WITH (options)] [AS OF [AT LEAST] t] [UP TO t].
func (p *parser) subscribe() *subscribe {
	s := &subscribe{snapshot: true}
	p.expect("subscribe")
	p.accept("to")
	if p.nextOp("(") {
		query := p.balanced()
		s.query = strings.TrimSuffix(strings.TrimPrefix(query, "("), ")")
	} else {
		s.query = "SELECT * FROM " + p.qualified()
	}
	if p.next("envelope") || p.next("within") {
		p.fail("0A000", strings.ToUpper(p.at(0).Text)+" in SUBSCRIBE not yet supported")
	}
	if p.accept("with") {
		p.expectOp("(")
		options := p.options([]option{{"snapshot", boolOption}, {"progress", boolOption}})
		p.expectOp(")")
		if on, ok := options["snapshot"].(bool); ok {
			s.snapshot = on
		}
		s.progress = options["progress"] == true
	}
	if p.accept("as", "of") {
		s.atLeast = p.accept("at", "least")
		s.asOf = p.timestamp()
	}
	if p.accept("up", "to") {
		s.upTo = p.timestamp()
	}
	p.end()
	return s
}

// timestamp reads milliseconds since the epoch, as a number or a string.
func (p *parser) timestamp() int64 {
	t := p.at(0)
	n, err := strconv.ParseInt(t.Text, 10, 64)
	if p.done() || err != nil || t.Kind != rewrite.Number && t.Kind != rewrite.String {
		p.expected("timestamp")
		return 0
	}
	p.pos++
	return n
}

// columns are those of the subscription, in front of those of the query.
func (s *subscribe) columns(query []pgconn.FieldDescription) []proxy.Column {
	const numeric, boolean, bigint = 1700, 16, 20
	columns := []proxy.Column{{Name: "mz_timestamp", OID: numeric}}
	if s.progress {
		columns = append(columns, proxy.Column{Name: "mz_progressed", OID: boolean})
	}
	columns = append(columns, proxy.Column{Name: "mz_diff", OID: bigint})
	for _, f := range query {
		columns = append(columns, proxy.Column{Name: f.Name, OID: f.DataTypeOID})
	}
	return columns
}

// row renders a change as a row of the subscription.
func (s *subscribe) row(c change, width int) []*string {
	ts := strconv.FormatInt(c.ts, 10)
	row := []*string{&ts}
	if s.progress {
		progressed := "f"
		if c.progress {
			progressed = "t"
		}
		row = append(row, &progressed)
	}
	if c.progress {
		return append(row, make([]*string, width+1)...)
	}
	diff := strconv.FormatInt(c.diff, 10)
	return append(append(row, &diff), c.values...)
}

// open prepares to watch for a session, and returns the columns to come.
func (h *session) open(ctx context.Context, st *statement, v variables) (*feed, []proxy.Column, error) {
	f := &feed{router: h.router, watcher: h.watcher, subscribe: st.subscribe, role: h.info.User, vars: v, id: uuid.NewString()}
	fields, err := f.describe(ctx)
	if err != nil {
		return nil, nil, err
	}
	f.width = len(fields)
	return f, st.subscribe.columns(fields), nil
}

// list makes a subscription visible in mz_subscriptions.
func (h *session) list(ctx context.Context, f *feed, a *attempt) error {
	_, err := h.pool.Exec(ctx, "INSERT INTO mz_sim.subscriptions VALUES ($1, $2, nullif($3, ''), now(), $4)", f.id, h.id, a.place.clusterID, a.scope.ids)
	if err != nil {
		return fmt.Errorf("list subscription: %w", err)
	}
	return nil
}

func (h *session) unlist(f *feed) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	f.close(ctx)
	// Without the catalog there is no list either.
	_, _ = h.pool.Exec(ctx, "DELETE FROM mz_sim.subscriptions WHERE id = $1", f.id)
}

// answerSubscribe answers SUBSCRIBE and COPY (SUBSCRIBE ...): rows until the client has had enough.
func (h *session) answerSubscribe(ctx context.Context, st *statement, v *proxy.Verdict, s state) answerFunc {
	f, columns, err := h.open(ctx, st, s.vars)
	if err != nil {
		v.Action, v.Err = proxy.Refuse, asError(err)
		return nil
	}
	v.Action = proxy.Local
	v.Answer = &proxy.Answer{Columns: columns}
	if st.subscribe.copy {
		v.Answer.Columns = nil
	}
	return func(ctx context.Context, a *attempt, w proxy.ResultWriter) (string, error) {
		if err := h.list(ctx, f, a); err != nil {
			return "", err
		}
		defer h.unlist(f)
		return f.stream(ctx, w, len(columns))
	}
}

// stream sends changes until the subscription ends or ctx does.
func (f *feed) stream(ctx context.Context, w proxy.ResultWriter, columns int) (string, error) {
	send, tag := func(row []*string) error { return w.Row(row...) }, "SUBSCRIBE"
	if f.copy {
		line, err := w.CopyOut(columns)
		if err != nil {
			return "", err
		}
		send, tag = func(row []*string) error { return line(copyLine(row)) }, "COPY"
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	sent := 0
	for !f.ended {
		changes, err := f.wait(ctx, time.Time{})
		if err != nil {
			return "", err
		}
		for _, c := range changes {
			if err := send(f.row(c, f.width)); err != nil {
				return "", err
			}
			sent++
		}
		if err := w.Flush(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s %d", tag, sent), nil
}

// copyEscapes are those of the text format of COPY.
var copyEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

func copyLine(row []*string) []byte {
	fields := make([]string, len(row))
	for i, v := range row {
		fields[i] = `\N`
		if v != nil {
			fields[i] = copyEscapes.Replace(*v)
		}
	}
	return []byte(strings.Join(fields, "\t") + "\n")
}

// asError turns any error into one for the client: those of PostgreSQL keep
// their code, others are ours and internal.
func asError(err error) *proxy.Error {
	if e := (*proxy.Error)(nil); errors.As(err, &e) {
		return e
	}
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		r := wire.Fields{Code: e.Code, Message: e.Message}
		rewriteError(&r)
		return &proxy.Error{Code: r.Code, Message: r.Message, Detail: e.Detail, Hint: e.Hint}
	}
	return &proxy.Error{Code: "XX000", Message: "internal error", Err: err}
}
