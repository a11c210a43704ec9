package engine

import "encoding/json"

const lastDecisionKey = "last_decision_ts"

// Payload is what a strategy keeps between plans, by key.
type Payload struct{ fields document }

// Has tells whether something is kept under a key.
func (p Payload) Has(key string) bool {
	v, ok := p.fields.get(key)
	return ok && !v.null()
}

// Text returns the text that is kept under a key; empty: none.
func (p Payload) Text(key string) string {
	v, _ := p.fields.get(key)
	if v.kind != jsonText {
		return ""
	}
	return v.text
}

// Integer returns the integer from 0 on that is kept under a key; 0: none is.
func (p Payload) Integer(key string) int64 {
	v, _ := p.fields.get(key)
	if v.kind != jsonNumber {
		return 0
	}
	n, isInteger := whole(json.Number(v.text))
	if !isInteger {
		return 0
	}
	return max(0, n)
}

// payload is a strategy's state as an earlier plan left it.
type payload struct {
	Payload
	raw  json.RawMessage // as it was stored; nil: there is none
	last *Timestamp      // when an action of this strategy was last decided
	bad  string          // what is wrong with it; empty: nothing
}

func readPayload(raw json.RawMessage) payload {
	if len(raw) == 0 || string(raw) == "null" {
		return payload{Payload: Payload{document{}}}
	}
	fields, err := decodeObject(raw, make(document, 0, 2))
	if err != nil {
		return payload{raw: raw, bad: "state: " + err.Error()}
	}
	p := payload{Payload: Payload{fields}, raw: raw}
	value, ok := fields.get(lastDecisionKey)
	if !ok || value.null() {
		return p
	}
	last, err := ParseTimestamp(value.text)
	if err != nil || value.kind != jsonText {
		p.bad = "state: " + lastDecisionKey + ": not a timestamp: " + abbreviate(value.asTree())
		return p
	}
	p.last = &last
	return p
}

// next is the payload to store: every key as it was, the time of the last
// decision anew if the strategy acted, and what it wants to remember.
func (p payload) next(now Timestamp, acted bool, remember map[string]any) json.RawMessage {
	unchanged := !acted && remember == nil
	switch {
	case unchanged && p.fields == nil:
		return json.RawMessage("null")
	case unchanged && p.raw == nil:
		return json.RawMessage(`{"` + lastDecisionKey + `":null}`)
	case unchanged && p.bad == "":
		return p.raw
	}
	fields := p.fields.asTree()
	switch {
	case acted:
		fields[lastDecisionKey] = now.String()
	case p.bad != "" || p.raw == nil:
		fields[lastDecisionKey] = nil
	}
	for key, value := range remember {
		if value == nil {
			delete(fields, key)
			continue
		}
		fields[key] = value
	}
	return canonical(fields)
}
