package proxy

import (
	"strings"

	"mzproxy/proxy/wire"
)

// A retake is what the way to the client knows of messages that may be sent again: those since the latest ReadyForQuery. clientSide's mutex
// guards it. The answers that the client has had are not given to it twice: what comes again is the same, and is counted.
type retake struct {
	on       bool
	items    []item       // of the reply queue, as the messages were sent
	parsed   []string     // names of prepared statements that were made
	relayed  int          // answers that the client has had
	repeated int          // of those, that are still to come again
	spoiled  bool         // something has been done that would be done twice
	failed   *wire.Fields // the error that shall not be seen, after which the server skips what is left
	status   byte         // of the ReadyForQuery that came after it; 0: it has not come
	discards bool         // up to the next ReadyForQuery the answers are to something of ours

	news chan struct{} // closed when there is something to tell; nil: nobody waits
}

// begin starts to keep.
func (k *retake) begin() { *k = retake{on: true} }

// sent notes a message.
func (k *retake) sent(it item) {
	if k.on {
		k.items = append(k.items, it)
		k.spoiled = k.spoiled || it.ours || it.asked != nil || it.batch != nil && len(it.batch.local) > 0
	}
}

// spoil notes that the messages must not be sent again.
func (k *retake) spoil() { k.spoiled = true }

// tell wakes who waits, if there is something to tell. quiet: the server has answered all.
func (k *retake) tell(quiet bool) {
	if k.news != nil && (quiet || !k.on || k.failed != nil) {
		close(k.news)
		k.news = nil
	}
}

// unmake is what makes the server ready for what was sent: it leaves what it has failed in, and forgets the names that will be made again.
func (k *retake) unmake() (messages [][]byte) {
	if k.status == 'E' { // the text, or the pipeline, has begun a transaction block
		messages = append(messages, wire.Append(nil, &wire.Query{String: "ROLLBACK"}))
	}
	if len(k.parsed) > 0 {
		var closes []byte
		for _, name := range k.parsed {
			closes = wire.Append(closes, &wire.Close{ObjectType: 'S', Name: name})
		}
		messages = append(messages, wire.Append(closes, &wire.Sync{}))
	}
	return messages
}

// again begins anew with what was sent: the reply queue is returned.
func (k *retake) again() []item {
	k.repeated, k.failed, k.status, k.parsed = k.relayed, nil, 0, nil
	for i := range k.items {
		if b := k.items[i].batch; b != nil {
			b.at = 0
		}
	}
	return append([]item(nil), k.items...)
}

// undone reports whether the effect of a statement is gone when its transaction is rolled back, or can be had twice.
func undone(tag string) bool {
	verb, _, _ := strings.Cut(tag, " ")
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "START", "SET", "RESET", "SHOW", "FETCH", "DECLARE", "CLOSE", "EXPLAIN", "COPY", "SUBSCRIBE", "DISCARD":
		return true
	}
	return false
}

// handleAgain is handle for a message while what was asked may be asked again.
func (r *replies) handleAgain(typ byte, frame []byte) error {
	k := &r.client.retake
	aside := typ == 'N' || typ == 'S' || typ == 'A'
	switch {
	case aside:
		return r.handle(typ, frame)
	case k.discards, k.failed != nil:
		return r.skipped(typ, frame)
	case typ == 'E' && r.sleeps(frame):
		r.last = typ
		r.client.settle()
		return nil
	case typ == 'Z':
		k.on = false
		return r.handle(typ, frame)
	case typ == 'E', typ == 'G':
		k.repeated = 0
		k.spoil()
	case k.repeated > 0:
		k.repeated--
		r.muted = true
	default:
		k.relayed++
	}
	k.answered(typ, r.client.books.head())
	err := r.handle(typ, frame)
	r.muted = false
	return err
}

// answered takes in what outlives a transaction: names of prepared statements.
func (k *retake) answered(typ byte, head *item) {
	switch {
	case head == nil || head.ofPortal || head.name == "":
	case typ == '1' && head.kind == 'P':
		k.parsed = append(k.parsed, head.name)
	case typ == '3' && head.kind == 'C':
		k.spoil()
	}
}

// sleeps takes in an error that says that something sleeps, if the messages can be sent again.
func (r *replies) sleeps(frame []byte) bool {
	k := &r.client.retake
	e, err := wire.DecodeFields(frame[wire.HeaderSize:])
	if err != nil || k.spoiled || !r.waker.Sleeps(e) {
		return false
	}
	k.failed = e
	return true
}

// skipped takes what the client does not see: what comes behind an error, and the answers to what is ours.
func (r *replies) skipped(typ byte, frame []byte) error {
	r.last = typ
	if typ != 'Z' {
		return nil
	}
	if len(frame) != wire.HeaderSize+1 {
		return wire.Malformed("invalid ReadyForQuery message")
	}
	k := &r.client.retake
	k.discards, k.status = false, frame[wire.HeaderSize]
	r.client.progress.ready(k.status)
	r.client.settle()
	return nil
}
