"""How bytes come over the network: which addresses may be dialled, one request, its deadlines and its codings."""
