"""Looking at what volunteers sent, on the screening host: in a process that can do no harm, then in the data set."""
