"""The kinds of file the clients app takes; portfolio registers its own."""
