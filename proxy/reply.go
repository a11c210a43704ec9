package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"mzproxy/proxy/wire"
	"mzproxy/rewrite/pgtext"
)

// flushSize is how much of an answer is collected before it is sent.
const flushSize = 16 << 10

// results turns the rows of an Answer into messages: it is the ResultWriter
// that Run gets. It belongs to the goroutine that runs.
type results struct {
	columns  []Column
	formats  []int16            // per column; nil: all text
	sink     func([]byte) error // nil: all is kept
	describe bool               // RowDescription goes first (simple protocol)
	limited  bool               // rows are fetched in parts
	buf      []byte
	ends     []int // of each row in buf, if limited
	taken    int   // bytes of buf that take has returned
	next     int   // row of ends that take begins with
	copying  bool
	started  bool
}

var _ ResultWriter = (*results)(nil)

// start puts the description in front of everything else.
func (w *results) start() {
	if !w.started && w.describe && w.columns != nil {
		w.buf = wire.Append(w.buf, describeRows(w.columns, w.formats))
	}
	w.started = true
}

// Row implements ResultWriter.
func (w *results) Row(values ...*string) error {
	if len(values) != len(w.columns) || w.copying {
		return fmt.Errorf("a row of %d values for %d columns", len(values), len(w.columns))
	}
	w.start()
	at := len(w.buf)
	w.buf = append(w.buf, 'D', 0, 0, 0, 0)
	w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(len(values)))
	for i, v := range values {
		if v == nil {
			w.buf = binary.BigEndian.AppendUint32(w.buf, 0xffffffff)
			continue
		}
		size := len(w.buf)
		w.buf = append(w.buf, 0, 0, 0, 0)
		if w.formats == nil || w.formats[i] == 0 {
			w.buf = append(w.buf, *v...)
		} else {
			var err error
			if w.buf, err = wire.AppendBinary(w.buf, w.columns[i].OID, *v); err != nil {
				w.buf = w.buf[:at]
				return err
			}
		}
		binary.BigEndian.PutUint32(w.buf[size:], uint32(len(w.buf)-size-4))
	}
	binary.BigEndian.PutUint32(w.buf[at+1:], uint32(len(w.buf)-at-1))
	if w.limited {
		w.ends = append(w.ends, len(w.buf))
	}
	return w.flushAt(flushSize)
}

// Notice implements ResultWriter.
func (w *results) Notice(n *Notice) error {
	w.buf = wire.AppendNotice(w.buf, n)
	return w.flushAt(flushSize)
}

// CopyOut implements ResultWriter.
func (w *results) CopyOut(columns int) (func([]byte) error, error) {
	if w.limited || w.started {
		return nil, errors.New("COPY needs a portal without row limit and without rows")
	}
	w.started, w.copying = true, true
	w.buf = wire.Append(w.buf, &wire.CopyOutResponse{ColumnFormatCodes: make([]uint16, columns)})
	return func(line []byte) error {
		w.buf = wire.Append(w.buf, &wire.CopyData{Data: line})
		return w.flushAt(flushSize)
	}, nil
}

// Flush implements ResultWriter. The client gets the description of rows that are
// still to come, and the answers that were kept back in front of them.
func (w *results) Flush() error {
	if w.sink == nil {
		return nil
	}
	w.start()
	err := w.sink(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (w *results) flushAt(size int) error {
	if w.sink == nil || len(w.buf) < size {
		return nil
	}
	err := w.sink(w.buf)
	w.buf = w.buf[:0]
	return err
}

// finish returns what has not been sent yet, and the end of a simple query's statement.
func (w *results) finish(tag string, e *Error) []byte {
	if e != nil {
		return w.buf
	}
	w.start()
	return w.complete(tag)
}

func (w *results) complete(tag string) []byte {
	if w.copying {
		w.buf = wire.Append(w.buf, &wire.CopyDone{})
	}
	return wire.Append(w.buf, &wire.CommandComplete{CommandTag: []byte(tag)})
}

// take returns the next rows of a portal, at most limit if that is positive,
// how many these are, and whether the portal has come to its end. As in PostgreSQL a portal that
// gave exactly as many rows as it was asked for does not know that yet.
func (w *results) take(limit int) (rows []byte, n int, done bool) {
	from, to := w.taken, len(w.buf)
	n = len(w.ends) - w.next
	if limit > 0 && limit <= n {
		w.next += limit
		w.taken = w.ends[w.next-1]
		return w.buf[from:w.taken:w.taken], limit, false
	}
	w.next, w.taken = len(w.ends), to
	return w.buf[from:to:to], n, true
}

// describeRows is the RowDescription of columns, or NoData.
func describeRows(columns []Column, formats []int16) wire.Message {
	if columns == nil {
		return &wire.NoData{}
	}
	d := &wire.RowDescription{Fields: make([]wire.FieldDescription, len(columns))}
	for i, c := range columns {
		f := &d.Fields[i]
		f.Name, f.DataTypeOID, f.TypeModifier = []byte(c.Name), c.OID, -1
		if c.OID == 0 {
			f.DataTypeOID = pgtext.TypeText
		}
		f.DataTypeSize = wire.TypeSize(f.DataTypeOID)
		if formats != nil {
			f.Format = formats[i]
		}
	}
	return d
}
