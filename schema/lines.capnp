@0xd55b28243bd3727f;
# Counting the lines of a file that stays with the client.
#
# The client passes two objects of its own: a file and a line sink. The server reads the file,
# passes every line to the sink, and returns the number of lines. Bytes are not assumed to be UTF-8.
# A line ends at "\n", which is part of it; a last line without "\n" counts; an empty file has none.

interface RemoteFile {
  # A file in the client's process. Implemented by the client, called by the server.

  read @0 (offset :UInt64, length :UInt32) -> (data :Data);
  # At most `length` bytes starting at `offset`. Fewer are allowed; none means that the file ends at
  # or before `offset`; more than `length` are an error. The server keeps several reads in flight,
  # in order of offset. After a short answer it asks again from where that ended, and ignores the
  # answers to the reads in flight, so a pipe can serve as the file.
  # An exception ends the count with its text.
}

interface LineSink {
  # The callback for lines. Implemented by the client, called by the server.

  lines @0 (lines :List(Data)) -> stream;
  # The next lines of the file, in order, each whole and with its "\n". How lines are grouped into
  # calls has no meaning. The calls are a stream: they arrive one at a time, and the server sends
  # ahead as far as its window allows, 1 to 16 MiB.
  # An exception ends the count with its text.

  done @1 () -> ();
  # Every line was passed. Called once, after the last `lines`, and never after a failure.
}

interface LineCounter {
  # Counts lines. Implemented by the server.

  countLines @0 (file :RemoteFile, lines :LineSink) -> (count :UInt64);
  # Reads `file` to its end, passes every line to `lines`, and returns their number once the sink
  # has answered `done`. A failure of `read`, `lines` or `done` ends the call with that failure's
  # text. A line longer than 16 MiB is an exception that says where the line begins. A connection
  # may have 8 counts at a time; one more fails with `overloaded`.
}
