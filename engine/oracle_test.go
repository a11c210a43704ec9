package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file decides what a snapshot leads to once more, as naive code over decoded JSON that follows the written rules
// sentence by sentence and shares nothing with the engine. What it gives is compared with what the engine gives.

type tree = map[string]any

// oracle gives the plan of a snapshot, and whether the snapshot can be used at all. The errors of its plan have no
// message: those are free text.
func oracle(snapshot []byte) (plan tree, usable bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(unusable); !ok {
				panic(r)
			}
			plan, usable = nil, false
		}
	}()
	value, err := decodeJSON(snapshot)
	if err != nil || !utf8.Valid(snapshot) {
		return nil, false
	}
	root := need[tree](value, "an object")
	now := moment(required(root, "now"))
	experimental := optional(root, "enable_experimental", false)
	sizes := oracleSizes(root)
	clusters := []any{}
	ids := map[string]bool{}
	for _, item := range optional(root, "clusters", []any{}) {
		entry := need[tree](item, "an object")
		id := requiredString(entry, "id")
		if ids[id] {
			panic(unusable("two clusters with the same id"))
		}
		ids[id] = true
		o := &oracleCluster{now: now, experimental: experimental, sizes: sizes, id: id}
		o.read(entry)
		clusters = append(clusters, o.plan())
	}
	return tree{"now": printMoment(now), "clusters": clusters}, true
}

type unusable string

// decodeJSON reads one document and nothing else.
func decodeJSON(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows")
	}
	return value, nil
}

func need[T any](value any, what string) T {
	typed, ok := value.(T)
	if !ok {
		panic(unusable(fmt.Sprintf("%v is not %s", value, what)))
	}
	return typed
}

func required(o tree, key string) any {
	if o[key] == nil {
		panic(unusable(key + ": missing"))
	}
	return o[key]
}

func requiredString(o tree, key string) string { return need[string](required(o, key), "a string") }

func optional[T any](o tree, key string, otherwise T) T {
	if o[key] == nil {
		return otherwise
	}
	return need[T](o[key], "of the right type")
}

func integer(value any) *big.Rat {
	r := rational(need[json.Number](value, "a number"))
	if !r.IsInt() {
		panic(unusable("not an integer"))
	}
	return r
}

func rational(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		panic("not a number: " + n.String())
	}
	return r
}

var momentForm = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`)

// readMoment gives the seconds since the year 0 of a timestamp; nil if it is none.
func readMoment(value any) *big.Rat {
	text, ok := value.(string)
	if !ok {
		return nil
	}
	m := momentForm.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	part := func(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }
	year, month, day, hour, minute, second := part(m[1]), part(m[2]), part(m[3]), part(m[4]), part(m[5]), part(m[6])
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return nil
	}
	days := daysBefore(year)
	for mo := int64(1); mo < month; mo++ {
		days += daysIn(year, mo)
	}
	seconds := (days+day-1)*86400 + hour*3600 + minute*60 + second
	if zone := m[8]; zone != "Z" && zone != "z" {
		h, mi := part(zone[1:3]), part(zone[4:6])
		if h > 23 || mi > 59 {
			return nil
		}
		offset := h*3600 + mi*60
		if zone[0] == '+' {
			seconds -= offset
		} else {
			seconds += offset
		}
	}
	r := new(big.Rat).SetInt64(seconds)
	if m[7] != "" {
		fraction, _ := new(big.Rat).SetString("0" + m[7])
		r.Add(r, fraction)
	}
	return r
}

// daysBefore counts the days from the beginning of the year 0.
func daysBefore(year int64) int64 { return 365*year + (year+3)/4 - (year+99)/100 + (year+399)/400 }

func daysIn(year, month int64) int64 {
	if month == 2 && (year%4 == 0 && year%100 != 0 || year%400 == 0) {
		return 29
	}
	return []int64{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

func moment(value any) *big.Rat {
	r := readMoment(value)
	if r == nil {
		panic(unusable("not a timestamp"))
	}
	return r
}

func optionalMoment(o tree, key string) *big.Rat {
	if o[key] == nil {
		return nil
	}
	return moment(o[key])
}

func wholeSeconds(r *big.Rat) string {
	return new(big.Int).Div(r.Num(), r.Denom()).String() // Div rounds down: the denominator is positive
}

func printMoment(r *big.Rat) string {
	whole, _ := new(big.Int).SetString(wholeSeconds(r), 10)
	seconds := whole.Int64()
	days, rest := seconds/86400, seconds%86400
	year, month := days/366, int64(1)
	for daysBefore(year+1) <= days {
		year++
	}
	days -= daysBefore(year)
	for days >= daysIn(year, month) {
		days -= daysIn(year, month)
		month++
	}
	fraction := new(big.Rat).Sub(r, new(big.Rat).SetInt(whole))
	digits := ""
	if fraction.Sign() != 0 {
		digits = "." + strings.TrimRight(strings.TrimPrefix(fraction.FloatString(60), "0."), "0")
	}
	return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d%sZ", year, month, days+1, rest/3600, rest/60%60, rest%60, digits)
}

type oracleSize struct {
	name                        string
	processes, workers, credits *big.Rat
}

func oracleSizes(root tree) []oracleSize {
	var sizes []oracleSize
	for _, item := range optional(root, "sizes", []any{}) {
		entry := need[tree](item, "an object")
		sizes = append(sizes, oracleSize{
			name:      requiredString(entry, "size"),
			processes: integer(required(entry, "processes")),
			workers:   integer(required(entry, "workers")),
			credits:   rational(optional(entry, "credits_per_hour", json.Number("0"))),
		})
	}
	return sizes
}

// family: the first line that fits decides.
func family(size string) string {
	digitBefore := func(suffix string) bool {
		before, ok := strings.CutSuffix(size, suffix)
		return ok && before != "" && before[len(before)-1] >= '0' && before[len(before)-1] <= '9'
	}
	switch {
	case digitBefore("cc"), digitBefore("C"):
		return "cc"
	case strings.HasPrefix(size, "M.1-"):
		return "M.1"
	}
	return "other"
}

// oracleLadder gives the names of the sizes of a family from the smallest to the largest.
func oracleLadder(sizes []oracleSize, wanted string) []string {
	var members []oracleSize
	for _, size := range sizes {
		if family(size.name) == wanted {
			members = append(members, size)
		}
	}
	sort.SliceStable(members, func(i, j int) bool {
		a, b := members[i], members[j]
		for _, c := range []int{a.credits.Cmp(b.credits), a.processes.Cmp(b.processes), a.workers.Cmp(b.workers)} {
			if c != 0 {
				return c < 0
			}
		}
		return a.name < b.name
	})
	var ladder []string
	for _, size := range members {
		if !slices.Contains(ladder, size.name) {
			ladder = append(ladder, size.name)
		}
	}
	return ladder
}

type oracleReplica struct {
	size         string
	exists       bool
	hydrated     bool
	known        bool // whether it is hydrated
	online       bool
	ooms, crashs *big.Rat
}

type oracleRow struct {
	kind      string
	config    any
	updatedAt *big.Rat
}

type oracleCluster struct {
	now          *big.Rat
	experimental bool
	sizes        []oracleSize

	id, name     string
	managed      bool
	objects      *big.Rat
	lastActivity *big.Rat
	existing     map[string]oracleReplica
	rows         []oracleRow
	state        tree

	set     map[string]oracleReplica // the desired set
	added   map[string][]string      // why a planned replica is in it: reasons
	removed map[string]string        // why an existing one is not
	errors  []tree
	ran     map[string]bool
	last    map[string]*big.Rat // last_decision_ts

	server      *oracleManaged    // of a managed cluster that can be planned
	there, want map[string]string // of it, by the options size, factor and burst
	wishes      []oracleWish
	firm        bool     // the row of target_size gives a number of replicas that is not there
	remembers   []string // strategies that keep something if they act
	restore     string   // the factor to keep
}

func (o *oracleCluster) read(entry tree) {
	o.name = requiredString(entry, "name")
	o.managed = optional(entry, "managed", false)
	o.readManaged(entry)
	if entry["objects"] != nil {
		o.objects = integer(entry["objects"])
	}
	o.lastActivity = optionalMoment(entry, "last_activity")
	o.existing = map[string]oracleReplica{}
	for _, item := range optional(entry, "replicas", []any{}) {
		r := need[tree](item, "an object")
		name := requiredString(r, "name")
		if _, taken := o.existing[name]; taken {
			panic(unusable("two replicas with the same name"))
		}
		o.existing[name] = oracleReplica{
			exists: true,
			size:   requiredString(r, "size"), hydrated: optional(r, "hydrated", false), known: r["hydrated"] != nil, online: optional(r, "online", true),
			ooms: integer(optional(r, "oom_count", json.Number("0"))), crashs: integer(optional(r, "crash_count", json.Number("0"))),
		}
	}
	for _, item := range optional(entry, "strategies", []any{}) {
		r := need[tree](item, "an object")
		row := oracleRow{kind: requiredString(r, "type"), updatedAt: optionalMoment(r, "updated_at"), config: tree{}}
		if config, given := r["config"]; given {
			row.config = config
		}
		o.rows = append(o.rows, row)
	}
	o.state = optional(entry, "state", tree{})
}

// newest gives the row of a type that counts; nil if there is none.
func (o *oracleCluster) newest(kind string) *oracleRow {
	var best *oracleRow
	for i := range o.rows {
		row := &o.rows[i]
		if row.kind != kind {
			continue
		}
		older := best != nil && best.updatedAt != nil && (row.updatedAt == nil || row.updatedAt.Cmp(best.updatedAt) < 0)
		if !older {
			best = row
		}
	}
	return best
}

func (o *oracleCluster) fail(kind any, code string) {
	for _, e := range o.errors {
		if e["strategy"] == kind && e["code"] == code {
			return
		}
	}
	o.errors = append(o.errors, tree{"strategy": kind, "code": code})
}

func (o *oracleCluster) plan() tree {
	o.set, o.added, o.removed = map[string]oracleReplica{}, map[string][]string{}, map[string]string{}
	o.ran, o.last = map[string]bool{}, map[string]*big.Rat{}
	for name, r := range o.existing {
		o.set[name] = r
	}
	switch {
	case o.managed && o.server == nil && len(o.rows) > 0:
		o.fail(nil, "managed_cluster")
	case !strings.HasPrefix(o.id, "u") && len(o.rows) > 0:
		o.fail(nil, "system_cluster")
	case o.server != nil && strings.HasPrefix(o.id, "u") && o.server.schedule != "manual":
		if len(o.rows) > 0 {
			o.fail(nil, "managed_cluster")
		}
	case o.server != nil && strings.HasPrefix(o.id, "u"):
		o.decideManaged()
		return o.resultManaged()
	case !o.managed && strings.HasPrefix(o.id, "u"):
		o.decide()
	}
	return o.result()
}

func (o *oracleCluster) decide() {
	o.eachStrategy(func(kind string, config tree, row *oracleRow, cooling bool) {
		switch {
		case kind == "idle_suspend":
			o.idleSuspend(config, row.updatedAt, cooling)
		case cooling:
		case kind == "target_size":
			o.targetSize(config)
		case kind == "shrink_to_fit":
			o.shrinkToFit(config)
		case kind == "burst":
			o.burst(config)
		}
	})
}

// eachStrategy runs the strategies whose rows can be used, and notes what is wrong with the others.
func (o *oracleCluster) eachStrategy(run func(kind string, config tree, row *oracleRow, cooling bool)) {
	known := []string{"target_size", "shrink_to_fit", "burst", "idle_suspend"}
	for _, row := range o.rows {
		if !slices.Contains(known, row.kind) {
			o.fail(row.kind, "unknown_strategy")
		}
	}
	for _, kind := range known {
		row := o.newest(kind)
		if row == nil {
			continue
		}
		if kind == "shrink_to_fit" && !o.experimental {
			o.fail(kind, "experimental_disabled")
			continue
		}
		config, isObject := row.config.(tree)
		if !isObject || !o.configFits(kind, config) {
			o.fail(kind, "bad_config")
			continue
		}
		o.ran[kind] = true
		switch payload := o.state[kind].(type) {
		case nil:
		case tree:
			if ts := payload["last_decision_ts"]; ts != nil {
				if o.last[kind] = readMoment(ts); o.last[kind] == nil {
					o.fail(kind, "bad_state")
				}
			}
		default:
			o.fail(kind, "bad_state")
		}
		cooling := false
		if cooldown := number(config, "cooldown_s"); cooldown != nil && cooldown.Sign() > 0 && o.last[kind] != nil {
			cooling = new(big.Rat).Sub(o.now, o.last[kind]).Cmp(cooldown) < 0
		}
		run(kind, config, row, cooling)
	}
}

func number(config tree, key string) *big.Rat {
	n, ok := config[key].(json.Number)
	if !ok {
		return nil
	}
	return rational(n)
}

func (o *oracleCluster) configFits(kind string, config tree) bool {
	knownSize := func(key string, evenWithoutSizes bool) bool {
		text, ok := config[key].(string)
		if len(o.sizes) == 0 {
			return ok && evenWithoutSizes && text != ""
		}
		return ok && slices.ContainsFunc(o.sizes, func(s oracleSize) bool { return s.name == text })
	}
	optionalNumber := func(key string, fits func(*big.Rat) bool) bool {
		if _, given := config[key]; !given {
			return true
		}
		n := number(config, key)
		return n != nil && fits(n)
	}
	atLeastOne := func(n *big.Rat) bool { return n.IsInt() && n.Cmp(big.NewRat(1, 1)) >= 0 }
	if !optionalNumber("cooldown_s", func(n *big.Rat) bool { return n.Sign() >= 0 }) {
		return false
	}
	hundred := func(n *big.Rat) bool { return atLeastOne(n) && n.Cmp(big.NewRat(100, 1)) <= 0 }
	positive := func(n *big.Rat) bool { return n.Sign() > 0 }
	switch kind {
	case "target_size":
		name, given := config["replica_name"]
		text, isText := name.(string)
		return knownSize("target_size", true) && (!given || isText && text != "" && o.server == nil) && optionalNumber("replicas", hundred) && optionalNumber("resize_timeout_s", positive)
	case "shrink_to_fit":
		return o.server == nil && knownSize("max_replica_size", false) &&
			optionalNumber("min_oom_count", atLeastOne) && optionalNumber("min_crash_count", atLeastOne)
	case "burst":
		return knownSize("burst_replica_size", true) && optionalNumber("max_duration_s", positive)
	default:
		limit := number(config, "idle_after_s")
		return limit != nil && limit.Sign() > 0
	}
}

func (o *oracleCluster) isReady(r oracleReplica) bool {
	return r.exists && r.online && (r.hydrated || o.objects != nil && o.objects.Sign() == 0)
}

func (o *oracleCluster) add(name, size, reason string) {
	o.set[name] = oracleReplica{size: size}
	o.added[name] = []string{reason}
}

func (o *oracleCluster) remove(name, reason string) {
	if o.set[name].exists {
		o.removed[name] = reason
	}
	delete(o.set, name)
	delete(o.added, name)
}

func names(set map[string]oracleReplica) []string {
	var all []string
	for name := range set {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

func (o *oracleCluster) targetSize(config tree) {
	target := config["target_size"].(string)
	var fitting, ready []string
	for _, name := range names(o.existing) {
		if o.existing[name].size == target {
			fitting = append(fitting, name)
			if o.isReady(o.existing[name]) {
				ready = append(ready, name)
			}
		}
	}
	replicas, given := 1, false
	if n := number(config, "replicas"); n != nil {
		replicas, given = int(n.Num().Int64()), true
	}
	if len(fitting) == 0 || len(ready) > 0 {
		reason := "target_size: no replica of size " + target
		if len(fitting) > 0 {
			reason = fmt.Sprintf("target_size: %d replicas, not %d", len(fitting), replicas)
		}
		for range replicas - len(fitting) {
			name, taken := o.newName(config, target)
			o.add(name, target, reason+taken)
		}
	}
	if len(ready) > 0 {
		surplus := append(slices.Clone(ready), slices.DeleteFunc(slices.Clone(fitting), func(name string) bool { return slices.Contains(ready, name) })...)
		for i, name := range surplus {
			if given && i >= replicas {
				o.remove(name, fmt.Sprintf("target_size: %d replicas, not %d", len(fitting), replicas))
			}
		}
		for _, name := range names(o.existing) {
			if o.existing[name].size != target {
				o.remove(name, "target_size: "+ready[0]+" has the target size "+target+" and is ready")
			}
		}
	}
}

// newName finds a name for a replica, and says whether the one that was asked for is another one's.
func (o *oracleCluster) newName(config tree, target string) (name, taken string) {
	name, given := config["replica_name"].(string)
	if !given {
		name = "r_" + target
	}
	if r, exists := o.existing[name]; exists && r.size != target {
		taken = "; the name " + name + " is taken"
		name += "_" + target
	}
	numbered := name
	for i := 2; ; i++ {
		_, exists := o.existing[numbered]
		_, planned := o.set[numbered]
		if !exists && !planned {
			return numbered, taken
		}
		numbered = name + "_" + strconv.Itoa(i)
	}
}

func (o *oracleCluster) shrinkToFit(config tree) {
	largest := config["max_replica_size"].(string)
	limit := func(key string) *big.Rat {
		if n := number(config, key); n != nil {
			return n
		}
		return big.NewRat(1, 1)
	}
	minOOM, minCrash := limit("min_oom_count"), limit("min_crash_count")
	ladder := oracleLadder(o.sizes, family(largest))
	rank := func(name string) int {
		if i := slices.Index(ladder, o.set[name].size); i >= 0 {
			return i
		}
		return len(ladder)
	}
	if len(o.set) == 0 {
		for _, size := range ladder {
			o.add(o.name+"_"+size, size, "shrink_to_fit: no replicas, trying every size up to "+largest)
			if size == largest {
				break
			}
		}
	}
	looping := func(name string) bool {
		r := o.set[name]
		return r.exists && (r.ooms.Cmp(minOOM) >= 0 || r.crashs.Cmp(minCrash) >= 0)
	}
	var spared, lowest []string // at most one
	sound := false
	for _, name := range names(o.set) {
		if !o.isReady(o.set[name]) {
			continue
		}
		if !looping(name) {
			sound = true
		}
		if spared == nil || rank(name) > rank(spared[0]) {
			spared = []string{name}
		}
	}
	for _, name := range names(o.set) {
		if !looping(name) || !sound && slices.Contains(spared, name) {
			continue
		}
		if r := o.set[name]; r.ooms.Cmp(minOOM) >= 0 {
			o.remove(name, fmt.Sprintf("shrink_to_fit: %s out-of-memory crashes in the last hour (limit %s)", r.ooms.Num(), minOOM.Num()))
		} else {
			o.remove(name, fmt.Sprintf("shrink_to_fit: %s crashes in the last hour (limit %s)", r.crashs.Num(), minCrash.Num()))
		}
	}
	for _, name := range names(o.set) {
		if o.isReady(o.set[name]) && !looping(name) && (lowest == nil || rank(name) < rank(lowest[0])) {
			lowest = []string{name}
		}
	}
	for _, name := range names(o.set) {
		if lowest != nil && rank(name) > rank(lowest[0]) {
			o.remove(name, "shrink_to_fit: "+lowest[0]+" of size "+o.set[lowest[0]].size+" is ready and smaller")
		}
	}
}

func (o *oracleCluster) burst(config tree) {
	size := config["burst_replica_size"].(string)
	burst := o.name + "_burst"
	_, exists := o.existing[burst]
	others, sameSize := 0, false
	var ready []string
	for _, name := range names(o.set) {
		if o.set[name].size == size {
			sameSize = true
		}
		if name == burst {
			continue
		}
		others++
		if o.isReady(o.set[name]) {
			ready = append(ready, name)
		}
	}
	if others > 0 && len(ready) == 0 && !exists && !sameSize {
		o.add(burst, size, "burst: no replica is ready")
	}
	if _, present := o.set[burst]; exists && len(ready) > 0 && present {
		o.remove(burst, "burst: "+ready[0]+" is ready")
	}
}

func (o *oracleCluster) idleSuspend(config tree, updatedAt *big.Rat, cooling bool) {
	reason, idle := o.idleness(config, updatedAt)
	if !idle || cooling && len(o.existing) > 0 {
		return
	}
	for _, name := range names(o.set) {
		o.remove(name, reason)
	}
}

// idleness says why a cluster is idle, if it is.
func (o *oracleCluster) idleness(config tree, updatedAt *big.Rat) (reason string, idle bool) {
	limit := number(config, "idle_after_s")
	since := o.lastActivity
	if since == nil {
		since = updatedAt
	}
	reason = "idle_suspend: no activity recorded"
	if since != nil {
		idle := new(big.Rat).Sub(o.now, since)
		if idle.Cmp(limit) <= 0 {
			return "", false
		}
		reason = fmt.Sprintf("idle_suspend: idle for %ss (limit %ss)", wholeSeconds(idle), wholeSeconds(limit))
		if o.lastActivity == nil {
			reason = fmt.Sprintf("idle_suspend: no activity in the %ss since the strategy was set (limit %ss)", wholeSeconds(idle), wholeSeconds(limit))
		}
	}
	return reason, true
}

func (o *oracleCluster) result() tree {
	desired, actions := []any{}, []any{}
	acted := map[string]bool{}
	statement := func(verb, replica string) string {
		quote := func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
		return verb + " CLUSTER REPLICA " + quote(o.name) + "." + quote(replica)
	}
	reasons := func(texts ...string) []any {
		list := []any{}
		for _, text := range texts {
			kind, _, _ := strings.Cut(text, ":")
			acted[kind] = true
			list = append(list, text)
		}
		return list
	}
	for _, name := range names(o.set) {
		r := o.set[name]
		desired = append(desired, tree{"name": name, "size": r.size})
		if !r.exists {
			sql := statement("CREATE", name) + " (SIZE '" + strings.ReplaceAll(r.size, "'", "''") + "')"
			actions = append(actions, tree{"op": "create", "replica": name, "size": r.size, "sql": sql, "reasons": reasons(o.added[name]...)})
		}
	}
	for _, name := range names(o.existing) {
		if _, stays := o.set[name]; !stays {
			actions = append(actions, tree{"op": "drop", "replica": name, "sql": statement("DROP", name), "reasons": reasons(o.removed[name])})
		}
	}
	if o.server != nil {
		var burst any
		if o.server.burst != "" {
			burst = o.server.burst
		}
		desired = []any{tree{"size": o.server.size, "replication_factor": json.Number(strconv.FormatInt(o.server.factor, 10)), "hydration_burst": burst}}
	}
	return tree{"id": o.id, "name": o.name, "desired": desired, "actions": actions, "errors": o.sortedErrors(), "state": o.newState(acted)}
}

func (o *oracleCluster) sortedErrors() []any {
	errors := []any{}
	sort.Slice(o.errors, func(i, j int) bool {
		text := func(e tree) string {
			if e["strategy"] == nil {
				return ""
			}
			return "=" + e["strategy"].(string)
		}
		a, b := o.errors[i], o.errors[j]
		if text(a) != text(b) {
			return text(a) < text(b)
		}
		return a["code"].(string) < b["code"].(string)
	})
	for _, e := range o.errors {
		errors = append(errors, e)
	}
	return errors
}

func (o *oracleCluster) newState(acted map[string]bool) tree {
	state := tree{}
	for kind, payload := range o.state {
		state[kind] = payload
	}
	for kind := range o.ran {
		old := o.state[kind]
		payload, isObject := old.(tree)
		next := tree{}
		for key, value := range payload {
			next[key] = value
		}
		switch {
		case acted[kind]:
			next["last_decision_ts"] = printMoment(o.now)
		case old == nil:
			next["last_decision_ts"] = nil
		case !isObject:
			state[kind] = nil
			continue
		case next["last_decision_ts"] != nil && o.last[kind] == nil:
			next["last_decision_ts"] = nil
		}
		state[kind] = next
	}
	return state
}
