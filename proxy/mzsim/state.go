package mzsim

import (
	"mzproxy/proxy"
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
	vars       variables
	explicit   bool // in a transaction block
	failed     bool
	mode       mode
	read       bool // a read has decided where the rest of the transaction has to go
	catalog    bool // to mz_catalog_server, if read
	statements int  // of the transaction so far
}

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
	errActive      = &proxy.Error{Code: "25001", Message: "SET cluster cannot be called in an active transaction"}
	errAborted     = &proxy.Error{Code: "25P02", Message: "current transaction is aborted, commands ignored until end of transaction block"}
	errCancelled   = &proxy.Error{Code: "57014", Message: "canceling statement due to user request"}
)

// enter applies the rules on what may share a transaction, and fixes the kind
// of a new one. alone says that the statement is the only one of an implicit transaction.
// constant says that a read depends on nothing.
func (s *state) enter(st *statement, alone, constant bool) *proxy.Error {
	switch st.kind {
	case kindBegin:
		s.explicit = true
		return nil
	case kindCommit:
		s.end(true)
		return nil
	case kindRollback:
		s.end(false)
		return nil
	case kindSet:
		if a := st.assignment; a != nil {
			if (a.name == "cluster" || a.name == "transaction_isolation") && s.mode != modeNone {
				return errActive
			}
			s.vars.apply(a)
		}
		return nil
	case kindOther, kindShow, kindFetch, kindClose:
		return nil
	}
	switch {
	case s.mode == modeSingle:
		return errOnlySingle
	case s.mode == modeDefine && !st.shares:
		return errOnlyDDL
	}
	s.statements++
	switch st.kind {
	case kindRead:
		return s.enterRead(constant)
	case kindInsert:
		return s.enterWrite()
	case kindSubscribe, kindDeclare:
		if s.mode != modeNone {
			return errSubscribing
		}
		s.mode = modeSubscribe
	case kindReadWrite:
		if s.explicit || !alone || s.statements > 1 {
			return st.errSingly()
		}
	case kindDDL:
		if st.shares {
			return s.enterDefinition()
		}
		if s.statements > 1 || !s.explicit && !alone {
			return st.errSingly()
		}
		if s.explicit {
			s.mode = modeSingle
		}
	}
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
	case modeNone, modeConstant:
		s.mode = modeRead
		if constant {
			s.mode = modeConstant
		}
	}
	return nil
}

func (s *state) enterWrite() *proxy.Error {
	switch s.mode {
	case modeRead:
		return errReadOnly
	case modeSubscribe:
		return errSubscribing
	}
	s.mode = modeWrite
	return nil
}

// enterDefinition is for renames and swaps.
func (s *state) enterDefinition() *proxy.Error {
	if s.mode != modeNone && s.mode != modeDefine {
		return errOnlyDDL
	}
	s.mode = modeDefine
	return nil
}
