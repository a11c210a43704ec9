package strategy

import "mzproxy/engine"

// All returns every strategy there is.
func All() []engine.Strategy {
	return []engine.Strategy{
		TargetSize{},  // priority 0: the baseline
		ShrinkToFit{}, // 1: finds the smallest size that holds
		Burst{},       // 2: helps while nothing is ready
		IdleSuspend{}, // 3: has the last word
	}
}
