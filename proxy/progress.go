package proxy

// progress is how far the server is in a transaction, explicit or implicit.
type progress struct {
	begun  bool // in a transaction block
	others bool // a statement has been executed in it that may not stand beside one that must be alone
}

// completed follows a CommandComplete of the server.
func (p *progress) completed(tag []byte) {
	switch string(tag) {
	case "BEGIN", "START TRANSACTION":
		p.begun = true
	case "COMMIT", "ROLLBACK":
		*p = progress{}
	case "SET", "RESET", "SHOW", "PREPARE", "DEALLOCATE", "DEALLOCATE ALL", "DISCARD ALL":
	default:
		p.others = true
	}
}

// ready follows a ReadyForQuery.
func (p *progress) ready(status byte) {
	if status == 'I' {
		*p = progress{}
	}
	p.begun = status != 'I'
}
