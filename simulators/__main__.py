"""All simulators in one process, on ports next to each other."""

from simulators.alipay import Alipay
from simulators.bank import Bank
from simulators.fx import Fx
from simulators.issuer import Issuer
from simulators.messages import Messages
from simulators.outlet import Outlet
from simulators.pos import Pos
from simulators.serve import run_all
from simulators.wechat import Wechat

PROGRAMS = (Issuer, Pos, Outlet, Alipay, Fx, Messages, Wechat, Bank)

if __name__ == "__main__":
    run_all(PROGRAMS)
