"""清鉴 Qingjian."""
