// Package rewrite reads SQL text: it tells the statements that mzproxy answers
// or checks from those that are none of its business, takes the former apart,
// and edits their text.
//
// Recognition goes from cheap to dear. Match searches for a keyword in the
// bytes and decides for nearly all texts. Classify cuts the text into tokens
// and looks at how each statement begins. Only a write to
// mz_cluster_strategies is parsed into a tree. What is not recognised is
// reported as Other, and callers forward it byte for byte.
//
// The package knows no socket, no cluster and no clock. Positions are byte
// offsets into the text that was given; CharPosition turns them into what the
// protocol wants.
package rewrite
