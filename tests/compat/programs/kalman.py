"""Kalman filter and smoother in two dimensions; noise learned by maximum likelihood."""

import torch
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

torch.manual_seed(2)
torch.set_printoptions(precision=3, sci_mode=False)
dt = 0.5
A = torch.eye(4) + torch.diag_embed(torch.full((2,), dt), offset=2)
H = torch.eye(2, 4)
Q = 0.02 * torch.block_diag(torch.eye(2) * dt**2, torch.eye(2))
R = torch.diag(torch.tensor([0.3, 0.1]))
print(A)

state = torch.tensor([0.0, 0.0, 1.0, 0.5])
truth, observed = [], []
for _ in range(40):
    state = A @ state + MultivariateNormal(torch.zeros(4), Q).sample()
    truth.append(state)
    observed.append(MultivariateNormal(H @ state, R).sample())
truth, observed = torch.stack(truth), torch.stack(observed)


def kalman(obs, Q, R):
    m, P = torch.zeros(4), torch.eye(4) * 2
    log_likelihood, filtered, predicted = obs.new_zeros(()), [], []
    for y in obs:
        m_pred, P_pred = A @ m, torch.linalg.multi_dot((A, P, A.T)) + Q
        S = H @ P_pred @ H.mT + R
        log_likelihood = log_likelihood + MultivariateNormal(H @ m_pred, S).log_prob(y)
        K = torch.linalg.solve(S, H @ P_pred).mT
        m = torch.addmv(m_pred, K, y - H @ m_pred)
        I_KH = torch.eye(4) - K @ H
        P = I_KH @ P_pred @ I_KH.T + K @ R @ K.T
        filtered.append((m, P))
        predicted.append((m_pred, P_pred))
    return log_likelihood, filtered, predicted


def smooth(filtered, predicted):
    m, P = filtered[-1]
    out = [m]
    for (mf, Pf), (mp, Pp) in zip(filtered[-2::-1], predicted[:0:-1]):
        G = torch.linalg.lstsq(Pp, A @ Pf).solution.T
        m, P = mf + G @ (m - mp), Pf + G @ (P - Pp) @ G.T
        out.append(m)
    return torch.stack(out[::-1]), P


ll, filtered, predicted = kalman(observed, Q, R)
means = torch.stack([m for m, _ in filtered])
smoothed, P0 = smooth(filtered, predicted)
rmse = lambda a: torch.sqrt(torch.mean((a[:, :2] - truth[:, :2]) ** 2)).item()
print(f"log likelihood {ll:.3f}")
print(f"rmse observed {rmse(observed):.4f} filtered {rmse(means):.4f} smoothed {rmse(smoothed):.4f}")
print("last mean", means[-1])
print("last covariance\n", filtered[-1][1])
print("eigenvalues", torch.linalg.eigvalsh(P0))

log_q, log_r = torch.tensor(-1.0, requires_grad=True), torch.zeros(2, requires_grad=True)
optimizer = torch.optim.LBFGS([log_q, log_r], lr=0.5, max_iter=8, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    loss = -kalman(observed, log_q.exp() * torch.eye(4), torch.diag(log_r.exp()))[0]
    loss.backward()
    return loss


print(f"before {closure().item():.3f}")
optimizer.step(closure)
print(f"after {closure().item():.3f} q {log_q.exp().item():.3f}")
factor = LowRankMultivariateNormal(torch.zeros(4), torch.ones(4, 1) * 0.5, torch.full((4,), 0.2))
print(factor, factor.log_prob(means[:3]))
print(torch.kron(torch.eye(2), torch.tensor([[1, dt], [0, 1]])))
