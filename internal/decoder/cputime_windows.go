package decoder

import (
	"syscall"
	"time"
	"unsafe"
)

var currentProcess, _ = syscall.GetCurrentProcess() // it has no error

// ProcessorTime is how long the threads of this process have been on a processor, all
// together.
func ProcessorTime() time.Duration {
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(currentProcess, &created, &exited, &kernel, &user); err != nil {
		panic(err) // there is always a process
	}
	return duration(kernel) + duration(user)
}

// duration is that of a Filetime which is no point in time: it counts 100 ns.
func duration(t syscall.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32+int64(t.LowDateTime)) * 100
}

var queryProcessCycleTime = syscall.NewLazyDLL("kernel32.dll").NewProc("QueryProcessCycleTime")

// Worked is the same in cycles, comparable only with one another: GetProcessTimes counts in steps
// of 15 ms, in which a decode does not show.
func Worked() (cycles int64) {
	_, _, _ = queryProcessCycleTime.Call(uintptr(currentProcess), uintptr(unsafe.Pointer(&cycles)))
	return cycles
}
