"""Sample ledgers of 2022: rows are invented, counts and sums are the figures the county published.

Belongs here: what `perfeval init --sample taojiang-2022` writes. No randomness and no clock: the same call, the same bytes.

Planted on purpose, so that checks and the report's chapter on problems have something to find:
- two projects in preparation (ZD2022-058, -066) have no 实施方案: 五个一 is complete for 66 of 68;
- two projects end the year behind plan (ZD2022-031 by 8 %, -050 by 22 %), others fall behind for a month;
- of 53 issues three of 前期手续 or 用地 were closed after 办结时限 and two are still open at the end of the year;
- two of 134 services (DB-2022-048, -102) were finished two working days after the promised day;
- five of 120 answers in the survey are below 满意.
"""

from perfeval.sample.frames import sample_frames
from perfeval.sample.workbooks import write_sample

# What `init --sample` calls it, and the pack whose ledgers these are.
NAME = "taojiang-2022"
PACK = "key-projects"

__all__ = ["NAME", "PACK", "sample_frames", "write_sample"]
