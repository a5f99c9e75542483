// Package wine runs programs that are built for Windows: directly on Windows,
// and under Wine elsewhere. Wine gets a prefix of its own, and no process is left
// running.
package wine
