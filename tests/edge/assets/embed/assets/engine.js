// In place of the built worker.
