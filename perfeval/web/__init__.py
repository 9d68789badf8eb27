"""The review pages (审阅室): what waits, a revision with everything behind it, each figure's cells, and the decision.

Made on the server, without a framework and almost without scripts. Here belongs what people see and fill in; what is true, and what a
decision is, other rooms know. A GET changes nothing. What the pages need of the conductor is handed in.
"""

from perfeval.web.bureau import Overseen, overseen_by
from perfeval.web.pictures import Pictures
from perfeval.web.review import CSP, Conducting, Review, Visitor

__all__ = ["CSP", "Conducting", "Overseen", "Pictures", "Review", "Visitor", "overseen_by"]
