package engine

import (
	"encoding/json"
	"maps"
)

const lastDecisionKey = "last_decision_ts"

// payload is a strategy's state as an earlier plan left it.
type payload struct {
	fields map[string]any // nil: none, or none that can be used
	last   *Timestamp     // when an action of this strategy was last decided
	bad    string         // what is wrong with it; empty: nothing
	object bool           // it is an object
}

func readPayload(raw json.RawMessage) payload {
	if len(raw) == 0 || string(raw) == "null" {
		return payload{fields: map[string]any{lastDecisionKey: nil}, object: true}
	}
	fields, err := decodeObject(raw)
	if err != nil {
		return payload{bad: "state: " + err.Error()}
	}
	p := payload{fields: fields, object: true}
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
	fields := maps.Clone(p.fields)
	switch {
	case fields == nil && !acted && remember == nil:
		return json.RawMessage("null")
	case fields == nil:
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
