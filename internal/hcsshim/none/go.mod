module shimfuzz/extracted

go 1.26.8
