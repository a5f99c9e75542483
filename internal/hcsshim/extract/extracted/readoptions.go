package extracted
// From serve.go, line 280.
x
// From other.go, line 3.
