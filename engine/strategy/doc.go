// Package strategy holds the strategies, one a file. To add one, write its
// file and list it in All.
package strategy
