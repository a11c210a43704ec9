// Package conformance reads case files about Materialize (testdata/materialize,
// whose README tells how to write one) and runs them on a server: the stand-in,
// the stand-in behind the proxy, or a real Materialize.
//
// A case holds where every answer of the server is the one that the file tells:
// rows, command tag, notices, errors with SQLSTATE, DETAIL, HINT and POSITION,
// reported parameters and the state of the transaction.
package conformance
