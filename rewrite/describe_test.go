package rewrite

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mzproxy/rewrite/pgtext"
)

var testEnv = Env{Database: "materialize", Home: "materialize", Schema: "public"}

// describe renders what was recognised in a text, a line a statement.
func describe(text string, env Env) string {
	statements, err := Classify(text, env)
	var placed Placed
	if errors.As(err, &placed) {
		return complain(text, placed)
	}
	if len(statements) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for _, s := range statements {
		b.WriteString(describeStatement(text, s) + "\n")
	}
	return b.String()
}

// complain renders an error with its place.
func complain(text string, e Placed) string {
	out := fmt.Sprintf("error at character %d: %s\n", pgtext.CharPosition(text, e.Place()), e)
	var syntax *SyntaxError
	if errors.As(e, &syntax) && syntax.Hint() != "" {
		out += syntax.Hint() + "\n"
	}
	return out
}

func describeStatement(text string, s Statement) string {
	switch s.Kind {
	case IsWrite:
		return describeWrite(text, s.Write)
	case IsPrepare:
		return "PREPARE " + s.Name + " " + describeWrite(text, s.Write)
	case IsExecute:
		var args []string
		for _, v := range s.Args {
			args = append(args, describeValue(text, v))
		}
		return "EXECUTE " + s.Name + "(" + strings.Join(args, ", ") + ")"
	case IsDeallocate:
		return "DEALLOCATE " + s.Name
	case IsDiscard:
		return "DISCARD ALL"
	case IsResetAll:
		return "RESET ALL"
	case IsBegin:
		return "BEGIN"
	case IsEnd:
		return "END"
	case IsSetting:
		var list []string
		for _, setting := range s.Settings {
			list = append(list, fmt.Sprintf("%s = %s local=%v", setting.Name, describeValue(text, setting.Value), setting.Local))
		}
		return strings.Join(list, ", ")
	case IsCommand:
		return describeCommand(text, s.Command)
	}
	return "-"
}

func describeWrite(text string, w *Write) string {
	out := string(w.Op)
	if w.Opaque {
		out += " opaque"
	}
	if w.Doubtful {
		out += " doubtful"
	}
	for _, row := range w.Rows {
		out += "\n  row"
		for _, c := range columns {
			out += " " + describeValue(text, row[c])
		}
	}
	for _, a := range w.Set {
		out += "\n  set " + a.Column + " = " + describeValue(text, a.Value)
	}
	for _, c := range w.Where {
		var list []string
		for _, v := range c.Values {
			list = append(list, describeValue(text, v))
		}
		op := " in "
		if c.Negated {
			op = " perhaps not in "
		}
		out += "\n  where " + c.Column + op + strings.Join(list, ", ")
	}
	if edit, ok := w.Touch(); ok {
		out += "\n  becomes " + strings.ReplaceAll(pgtext.Apply(text, []pgtext.Edit{edit}), "\n", `\n`)
	}
	var placed Placed
	if errors.As(w.Unfit, &placed) {
		out += "\n  " + strings.TrimSpace(complain(text, placed))
	}
	return out
}

func describeValue(text string, v Value) string {
	switch v.Kind {
	case Literal:
		return fmt.Sprintf("%q@%d", v.Text, v.Start)
	case Bound:
		return fmt.Sprintf("$%d@%d", v.N, v.Start)
	case Default:
		return "default"
	case Null:
		return "null"
	case Now:
		return "now"
	}
	return "?"
}

func describeCommand(text string, command Command) string {
	switch c := command.(type) {
	case ExplainStrategy:
		out := c.Name()
		if c.JSON {
			out += " json"
		}
		if c.Verbose {
			out += " verbose"
		}
		if c.WhatIf != nil {
			return out + " " + describeWrite(text, c.WhatIf.Write)
		}
		return out + describeScope(c.Scope)
	case ShowStrategies:
		return c.Name() + describeScope(c.Scope)
	case ShowStatus:
		return c.Name() + describeScope(c.Scope)
	case ShowActions:
		return fmt.Sprintf("%s%s limit=%d", c.Name(), describeScope(c.Scope), c.Limit)
	case ApplyStrategies:
		return c.Name() + describeScope(c.Scope)
	case ValidateStrategies:
		return c.Name() + describeScope(c.Scope)
	case ResumeStrategies:
		return c.Name() + describeScope(c.Scope)
	case ResetState:
		return c.Name() + describeScope(c.Scope)
	case PauseStrategies:
		out := c.Name() + describeScope(c.Scope)
		if c.For > 0 {
			out += " for=" + c.For.String()
		}
		if c.Until != nil {
			out += " until=" + c.Until.Format(time.RFC3339)
		}
		if c.Reason != "" {
			out += fmt.Sprintf(" reason=%q", c.Reason)
		}
		return out
	case SetNotices:
		return fmt.Sprintf("SET %q@%d local=%v", c.Value, c.Offset, c.Local)
	}
	return command.Name()
}

func describeScope(s Scope) string {
	out := ""
	if s.Cluster != nil {
		out += fmt.Sprintf(" cluster=%q@%d", s.Cluster.Text, s.Cluster.Offset)
	}
	if s.Like != nil {
		out += fmt.Sprintf(" like=%q", *s.Like)
	}
	return out
}
