"""Who may decide what, by which proof, and the record of it all. Pure: what is known of the record is handed in.

events, record: what happens, as a chain of lines. people: who is who, as the chain tells. duties: who may decide where. proof: by what
it is proved. judging: every decision of a record judged again.
"""
