package decoder

import (
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// ProcessorTime is how long the threads of this process have been on a processor, all
// together. ok is false where the system does not say.
func ProcessorTime() (d time.Duration, ok bool) {
	var created, exited, kernel, user windows.Filetime
	err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user)
	return duration(kernel) + duration(user), err == nil
}

// duration is that of a Filetime which is no point in time: it counts 100 ns.
func duration(t windows.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32+int64(t.LowDateTime)) * 100
}

var queryThreadCycleTime = windows.NewLazySystemDLL("kernel32.dll").NewProc("QueryThreadCycleTime")

// thread is the cost of the calling thread so far, in cycles: GetThreadTimes
// counts in steps of 15 ms, in which a decode does not show. Wine answers 0,
// which no running thread has cost.
func thread() (cost int64, ok bool) {
	if queryThreadCycleTime.Find() != nil {
		return 0, false
	}
	var cycles uint64
	r, _, _ := queryThreadCycleTime.Call(uintptr(windows.CurrentThread()), uintptr(unsafe.Pointer(&cycles)))
	return int64(cycles), r != 0 && cycles > 0
}
