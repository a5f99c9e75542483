// Package extracted stands in for hcsshim's code where none has been extracted. A
// workspace that the extraction writes has the real module of this path.
package extracted
