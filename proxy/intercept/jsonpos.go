package intercept

import (
	"bytes"
	"encoding/json"
)

// jsonPlace finds a key at the top level of a JSON object, or its value, and
// returns the byte offset; 0 where it is not there.
func jsonPlace(document []byte, key string, value bool) int {
	d := json.NewDecoder(bytes.NewReader(document))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0
	}
	at := 0
	for d.More() {
		keyAt := skip(document, int(d.InputOffset()))
		t, err := d.Token()
		if err != nil {
			return at
		}
		valueAt := skip(document, int(d.InputOffset()))
		if t == key { // of several the last one counts
			at = keyAt
			if value {
				at = valueAt
			}
		}
		var ignored json.RawMessage
		if err := d.Decode(&ignored); err != nil {
			return at
		}
	}
	return at
}

// skip goes over white space and punctuation between tokens.
func skip(document []byte, i int) int {
	for i < len(document) && bytes.IndexByte([]byte(" \t\r\n,:"), document[i]) >= 0 {
		i++
	}
	return i
}
