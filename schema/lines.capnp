@0xd55b28243bd3727f;
# Counting the lines of a file that stays with the client.
#
# The client passes two objects of its own: a file to read and a sink to call. The server reads the
# one, calls the other with every line, and answers with the number of lines. Bytes are never assumed
# to be UTF-8. A line ends at "\n", which is part of it; a last line without one counts; an empty file
# has none.

interface RemoteFile {
  # A file in the client's process. Implemented by the client, called by the server.

  read @0 (offset :UInt64, length :UInt32) -> (data :Data);
  # At most `length` bytes that start `offset` bytes into the file. Fewer are allowed; none at all mean
  # that the file ends at or before `offset`. The server keeps several reads in flight and asks in order
  # of offset, so that a pipe can serve as well as a file: after a short answer it asks again from where
  # that answer ended, and ignores what the reads already on their way come to.
  # An exception ends the count with its text.
}

interface LineSink {
  # The callback for each line. Implemented by the client, called by the server.

  lines @0 (lines :List(Data)) -> stream;
  # The next lines of the file, in order, each whole and with its newline. Batches are the server's
  # choice and no boundary has a meaning. Calls are a stream: they come one at a time, and the server
  # sends ahead as far as the connection's window allows.
  # An exception ends the count with its text.

  done @1 () -> ();
  # Every line was handed over. Called once, after the last `lines`, and never after a failure.
}

interface LineCounter {
  # Counts lines. Implemented by the server.

  countLines @0 (file :RemoteFile, lines :LineSink) -> (count :UInt64);
  # Reads `file` to its end, hands every line to `lines`, and returns how many there were once the sink
  # has answered `done`. A failure of `read`, `lines` or `done` ends the call with that failure's text;
  # a line longer than 16 MiB ends it with an error that says where the line begins.
}
