"""Where jobs run, and the command line. Every place is a loop around `crawler.job.run_job`, and nothing more."""
