package pgtext

// Messages of errors that everybody gives in PostgreSQL's words.
const (
	MessageFailedTransaction = "current transaction is aborted, commands ignored until end of transaction block"
	MessageCancelled         = "canceling statement due to user request"
)
