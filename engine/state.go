package engine

import (
	"encoding/json"
	"maps"
)

const lastDecisionKey = "last_decision_ts"

// payload is a strategy's state as an earlier plan left it.
type payload struct {
	raw    json.RawMessage // as it was stored; nil: there is none
	fields map[string]any  // nil: not an object
	last   *Timestamp      // when an action of this strategy was last decided
	bad    string          // what is wrong with it; empty: nothing
}

func readPayload(raw json.RawMessage) payload {
	if len(raw) == 0 || string(raw) == "null" {
		return payload{fields: map[string]any{lastDecisionKey: nil}}
	}
	fields, err := decodeObject(raw)
	if err != nil {
		return payload{raw: raw, bad: "state: " + err.Error()}
	}
	p := payload{raw: raw, fields: fields}
	value, ok := fields[lastDecisionKey]
	if !ok || value == nil {
		return p
	}
	text, _ := value.(string)
	last, err := ParseTimestamp(text)
	if err != nil {
		p.bad = "state: " + lastDecisionKey + ": not a timestamp: " + abbreviate(value)
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
	fields := maps.Clone(p.fields)
	if fields == nil {
		fields = map[string]any{lastDecisionKey: nil}
	}
	switch {
	case acted:
		fields[lastDecisionKey] = now.String()
	case p.bad != "":
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
