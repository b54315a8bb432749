"""Poisson regression with a hidden elu layer; X, W, b in the other order; examples in rows."""

import numpy as np

rng = np.random.default_rng(14)
params = {
    "theta_1": rng.standard_normal((3, 5)) * 0.4,
    "theta_2": rng.standard_normal((5, 1)) * 0.4,
    "beta_1": rng.standard_normal((1, 5)) * 0.1,
}
X, Y = rng.standard_normal((12, 3)), rng.poisson(2.0, (12, 1))


def forward(params, X, Y):
    u = X @ params["theta_1"] + params["beta_1"]
    v = np.where(u > 0, u, np.expm1(np.minimum(u, 0)))
    eta = v @ params["theta_2"]
    mu = np.exp(eta)
    return np.mean(mu - Y * eta), {"u": u, "v": v, "eta": eta, "mu": mu}


def backward(params, cache, X, Y):
    n = X.shape[0]
    d_eta = (cache["mu"] - Y) / n
    d_v = d_eta @ params["theta_2"].T
    d_u = d_v * np.where(cache["u"] > 0, 1, cache["v"] + 1)
    d_theta_2 = cache["v"].T @ d_eta
    d_theta_1 = X.T @ d_u
    d_beta_1 = d_u.sum(axis=0, keepdims=True)
    return {"d_eta": d_eta, "d_u": d_u, "d_theta_2": d_theta_2, "d_theta_1": d_theta_1, "d_beta_1": d_beta_1}
