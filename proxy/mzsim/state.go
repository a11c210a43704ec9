package mzsim

import (
	"slices"

	"mzproxy/proxy"
	"mzproxy/rewrite/pgtext"
)

// mode is the kind of a transaction, which its first statement fixes.
type mode uint8

const (
	modeNone      mode = iota // nothing yet
	modeConstant              // reads of constants only: may become anything that may share
	modeRead                  // reads
	modeWrite                 // writes of constants
	modeSingle                // one statement that changes the catalog
	modeDefine                // statements that change the catalog and may share a transaction
	modeSubscribe             // one SUBSCRIBE
)

// state is what a session's statements may depend on. It is a value: what
// would come after a statement is computed before the statement is let through.
type state struct {
	vars     variables
	explicit bool // in a transaction block
	failed   bool
	mode     mode
	read     bool     // a read has decided where the rest of the transaction has to go
	catalog  bool     // to mz_catalog_server, if read
	readOnly bool     // BEGIN READ ONLY
	written  []string // the tables that constants were inserted into
	moving   bool     // one of them got a value that depends on the moment, such as now()
}

// writes notes that a table gets rows.
func (s *state) writes(table string, moving bool) {
	s.moving = s.moving || moving
	if !slices.Contains(s.written, table) {
		s.written = append(slices.Clone(s.written), table)
	}
}

// lockedWrongly tells whether the transaction cannot commit: a value that depends on the moment takes the lock of
// its table only, whatever others there are.
func (s *state) lockedWrongly() bool { return s.moving && len(s.written) > 1 }

// end is the state after the end of the transaction.
func (s *state) end(commit bool) {
	s.vars.end(commit && !s.failed)
	*s = state{vars: s.vars}
}

const (
	detailReadOnly = "SELECT queries cannot be combined with other query types, including SUBSCRIBE."
	catalogDetail  = "The transaction is executing on the mz_catalog_server cluster, maybe having been routed there by the first statement in the transaction."
)

var (
	errWriteOnly   = &proxy.Error{Code: "25000", Message: "transaction in write-only mode"}
	errReadOnly    = &proxy.Error{Code: "25006", Message: "transaction in read-only mode", Detail: detailReadOnly}
	errSubscribing = &proxy.Error{Code: "25000", Message: "SUBSCRIBE in transactions must be the only read statement"}
	errOnlySingle  = &proxy.Error{Code: "25000", Message: "this transaction can only execute a single statement"}
	errOnlyDDL     = &proxy.Error{Code: "25000", Message: "transactions which modify objects are restricted to just modifying objects"}
	errIsolation   = &proxy.Error{Code: "25001", Message: "SET TRANSACTION ISOLATION LEVEL must be called before any query"}
	errNoCursor    = &proxy.Error{Code: "25P01", Message: "DECLARE CURSOR can only be used in transaction blocks"}
	errActive      = &proxy.Error{Code: "25001", Message: "SET cluster cannot be called in an active transaction"}
	errAborted     = &proxy.Error{Code: "25P02", Message: pgtext.MessageFailedTransaction}
	errCancelled   = &proxy.Error{Code: "57014", Message: pgtext.MessageCancelled}
)

// enter applies the rules on what may share a transaction, and fixes the kind
// of a new one. alone says that the statement is the only one of an implicit transaction.
// constant says that a read depends on nothing.
func (s *state) enter(st *statement, alone, constant bool) *proxy.Error {
	switch st.kind {
	case kindBegin:
		s.explicit, s.readOnly = true, st.readOnly
	case kindCommit:
		s.end(true)
	case kindRollback:
		s.end(false)
	case kindSet:
		return s.assign(st.assignment)
	case kindDeclare:
		if !s.explicit && alone {
			return errNoCursor
		}
	case kindRead:
		return s.enterRead(constant)
	case kindInsert:
		return s.enterWrite()
	case kindSubscribe:
		return s.enterSubscribe()
	case kindReadWrite:
		if s.explicit || !alone {
			return st.errSingly()
		}
		return s.enterWrite()
	case kindDDL:
		return s.enterDDL(st, alone)
	}
	return nil
}

func (s *state) assign(a *assignment) *proxy.Error {
	switch {
	case a == nil:
		return nil
	case a.name == "cluster" && s.mode != modeNone:
		return errActive
	case a.name == "transaction_isolation" && s.mode != modeNone:
		return errIsolation
	}
	s.vars.apply(a)
	return nil
}

func (s *state) enterRead(constant bool) *proxy.Error {
	switch s.mode {
	case modeWrite:
		if !constant {
			return errWriteOnly
		}
	case modeSubscribe:
		return errSubscribing
	case modeSingle:
		return errOnlySingle
	case modeDefine:
		return errOnlyDDL
	case modeNone, modeConstant:
		s.mode = modeRead
		if constant {
			s.mode = modeConstant
		}
	}
	return nil
}

func (s *state) enterWrite() *proxy.Error {
	switch {
	case s.readOnly, s.mode == modeRead, s.mode == modeSubscribe, s.mode == modeSingle, s.mode == modeDefine:
		return errReadOnly
	}
	s.mode = modeWrite
	return nil
}

func (s *state) enterSubscribe() *proxy.Error {
	if e := s.occupied(); e != nil {
		return e
	}
	s.mode = modeSubscribe
	return nil
}

// occupied is what a statement that needs the transaction for itself is told where it is not the first.
func (s *state) occupied() *proxy.Error {
	switch s.mode {
	case modeConstant, modeRead:
		return errReadOnly
	case modeWrite:
		return errWriteOnly
	case modeSubscribe:
		return errSubscribing
	case modeSingle:
		return errOnlySingle
	case modeDefine:
		return errOnlyDDL
	}
	return nil
}

// enterDDL lets renames and swaps share a transaction with their like, and everything else be one. In a pipeline it commits what
// is in front of it, and itself.
func (s *state) enterDDL(st *statement, alone bool) *proxy.Error {
	if st.shares && (s.mode == modeNone || s.mode == modeDefine) {
		s.mode = modeDefine
		return nil
	}
	if !s.explicit {
		if !alone {
			return st.errSingly()
		}
		s.mode, s.read, s.catalog = modeNone, false, false
		return nil
	}
	if e := s.occupied(); e != nil {
		return e
	}
	s.mode = modeSingle
	return nil
}
