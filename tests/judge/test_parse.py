"""Formulas are read as people write them, in all three markups, with true places; what is no formula says why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.judge.parse import read_formula
from chainrule.judge.spelled import spelled
from chainrule.judge.syntax import Applied, Chain, Literal, Name, Node, Raised, Times, Transposed, Unread
from judge.lines import generate

MARKUPS = ("latex", "text", "typst")

READ = r"""
[derivatives]
latex \frac{\partial loss}{\partial w_{11}^3}  ⟶  ∂loss/∂w_11^3
latex \frac{\partial \text{loss}}{\partial \text{pred}}  ⟶  ∂loss/∂pred
latex \partial L / \partial w_1  ⟶  ∂L/∂w_1
latex \frac{\partial}{\partial w} L  ⟶  ∂L/∂w
latex \frac{\partial}{\partial w} \frac{1}{2}(p - t)^2  ⟶  ∂(1/2 · (p − t)^2)/∂w
latex \frac{\partial}{\partial w_1} (w_1 x_1 + b) \cdot x  ⟶  ∂(w_1 · x_1 + b)/∂w_1 · x
latex \frac{dL}{dw}  ⟶  ∂L/∂w
latex \frac{d L}{d w_{11}^1}  ⟶  ∂L/∂w_11^1
latex \frac{\mathrm{d}L}{\mathrm{d}w_1}  ⟶  ∂L/∂w_1
latex \frac{\mathrm d L}{\mathrm d w}  ⟶  ∂L/∂w
latex \frac{d}{dz} \sigma(z)  ⟶  ∂σ(z)/∂z
latex \frac{d\mathcal{L}}{d\mathbf{W}^{(1)}}  ⟶  ∂L/∂W^{(1)}
latex d\hat{y}  ⟶  dŷ
latex d\hat{Y} X^T  ⟶  dŶ · Xᵀ
latex d\mathbf{W}  ⟶  dW
latex \mathrm{d}w_1  ⟶  dw_1
latex \nabla_{W^{(2)}} L  ⟶  ∂L/∂W^{(2)}
latex \partial_{w} L  ⟶  ∂L/∂w
latex \partial_w L  ⟶  ∂L/∂w
latex \frac{\partial (p-t)^2}{\partial p}  ⟶  ∂(p − t)^2/∂p
latex \frac{\partial \sigma(z)}{\partial z}  ⟶  ∂σ(z)/∂z
latex \frac{\partial w x}{\partial w}  ⟶  ∂(w · x)/∂w
latex \frac{\partial L(\hat{y}, y)}{\partial \hat{y}}  ⟶  ∂L/∂ŷ
latex J(w, b)  ⟶  J
latex \mathcal{L}(\mathbf{W})  ⟶  L
latex J(w_1 + w_2)  ⟶  J · (w_1 + w_2)
latex CE(y, \hat y)  ⟶  CE(y, ŷ)
latex \frac{\partial{L}}{\partial{w}}  ⟶  ∂L/∂w
latex \delta^L = \nabla_a C \odot \sigma'(z^L)  ⟶  δ^L = ∂C/∂a ⊙ σ′(z^L)
latex \left(\frac{\partial L}{\partial z}\right)^{\!T}  ⟶  (∂L/∂z)ᵀ
latex d L / d w  ⟶  ∂L/∂w
latex \frac{\partial \hat{y}_1}{\partial z}  ⟶  ∂ŷ_1/∂z
text  ∂L/∂w  ⟶  ∂L/∂w
text  ∂loss / ∂w_11  ⟶  ∂loss/∂w_11
text  dL/dw  ⟶  ∂L/∂w
text  dL/dw_11  ⟶  ∂L/∂w_11
text  dL/dw11  ⟶  ∂L/∂w_11
text  d L / d w  ⟶  ∂L/∂w
text  ∂L/∂w_11^2  ⟶  ∂L/∂w_11^2
text  (∂L)/(∂w)  ⟶  ∂L/∂w
text  ∇_w L  ⟶  ∂L/∂w
text  ∂_w L  ⟶  ∂L/∂w
text  dŷ  ⟶  dŷ
text  dW_1  ⟶  dW_1
text  dθ/dt  ⟶  ∂θ/∂t
text  dW2 = A1.T @ dZ2  ⟶  dW_2 = A_1ᵀ @ dZ_2
text  ∂σ(z)/∂z  ⟶  ∂σ(z)/∂z
text  ∂(p-t)²/∂p  ⟶  ∂(p − t)^2/∂p
text  (dL)/(dw)  ⟶  ∂L/∂w
text  dσ/dz  ⟶  ∂σ/∂z
typst frac(partial L, partial w_11^2)  ⟶  ∂L/∂w_11^2
typst (partial L)/(partial w_(11)^((2)))  ⟶  ∂L/∂w_11^{(2)}
typst (diff L)/(diff w)  ⟶  ∂L/∂w
typst partial L / partial w  ⟶  ∂L/∂w
typst frac(d L, d w)  ⟶  ∂L/∂w
typst (dif L)/(dif w)  ⟶  ∂L/∂w
typst frac(upright(d) L, upright(d) w)  ⟶  ∂L/∂w
typst d W_(11)  ⟶  dW_11
typst d hat(y)  ⟶  dŷ
typst frac(∂"loss", ∂w_(1,10)^([2]))  ⟶  ∂loss/∂w_{1,10}^{[2]}
typst nabla_w L  ⟶  ∂L/∂w

[transposes]
latex X^T \delta  ⟶  Xᵀ · δ
latex W^{(2)T}  ⟶  W^{(2)}ᵀ
latex W^{(2)\top}  ⟶  W^{(2)}ᵀ
latex (W^{(2)})^{\top}  ⟶  (W^{(2)})ᵀ
latex W^{\top}_1  ⟶  W_1ᵀ
latex A_1^{\mathsf T}  ⟶  A_1ᵀ
latex (a b)'  ⟶  (a · b)ᵀ
latex W^{(2)^T}  ⟶  W^{(2)}ᵀ
latex {W^{(2)}}^\top \delta  ⟶  W^{(2)}ᵀ · δ
latex \mathbf{x}^{(i)\top}  ⟶  x^{(i)}ᵀ
latex z = w^Tx + b  ⟶  z = wᵀ · x + b
latex \mathbf{w}^\top\mathbf{x}  ⟶  wᵀ · x
text  W⁽¹⁾ᵀ  ⟶  W^{(1)}ᵀ
text  Xᵀ · δ  ⟶  Xᵀ · δ
text  A¹ᵀ  ⟶  A^1ᵀ
text  W²ᵀ δ  ⟶  W^2ᵀ · δ
text  W^(2)T  ⟶  W^{(2)}ᵀ
text  X.T @ δ  ⟶  Xᵀ @ δ
text  δ.T  ⟶  δᵀ
text  (A B)ᵀ  ⟶  (A · B)ᵀ
typst X^top delta  ⟶  Xᵀ · δ
typst X^T delta  ⟶  Xᵀ · δ
typst W^((2) top)  ⟶  W^{(2)}ᵀ
typst A_1^T dot delta  ⟶  A_1ᵀ · δ

[functions]
latex \sigma'(z)  ⟶  σ′(z)
latex \sigma^\prime(z)  ⟶  σ′(z)
latex \sigma^{\prime}(z)  ⟶  σ′(z)
latex \sigma^{'}\left(z_1^{(1)}\right)  ⟶  σ′(z_1^{(1)})
latex f'(z_1)  ⟶  f′(z_1)
latex \sigma^{(1)}(z)  ⟶  σ^{(1)}(z)
latex h'(z)  ⟶  h′(z)
latex \tanh^2(z)  ⟶  tanh^2(z)
latex 1 - \tanh^2 z_1  ⟶  1 − tanh^2(z_1)
latex \log p_1  ⟶  log(p_1)
latex \max(0, z)  ⟶  max(0, z)
latex \max\{0, z\}  ⟶  max(0, z)
latex \operatorname{softmax}(z)_2  ⟶  softmax_2(z)
latex \operatorname*{ReLU}(z)  ⟶  ReLU(z)
latex \mathop{\mathrm{relu}}(z)  ⟶  relu(z)
latex \sqrt{a}  ⟶  sqrt(a)
latex \exp(-z)  ⟶  exp(−z)
latex |p - t|  ⟶  abs(p − t)
latex \left| p - t \right|  ⟶  abs(p − t)
latex \|y - \hat{y}\|^2  ⟶  norm(y − ŷ)^2
latex \left\| a \right\|_F^2  ⟶  norm_F(a)^2
latex -\left(y\log\hat{y} + (1-y)\log(1-\hat{y})\right)  ⟶  −(y · log(ŷ) + (1 − y) · log(1 − ŷ))
latex \mathrm{diag}(\sigma'(z))  ⟶  diag(σ′(z))
latex \sigma(z_1)(1-\sigma(z_1))  ⟶  σ(z_1) · (1 − σ(z_1))
latex \log \sigma(z)  ⟶  log(σ(z))
latex \log |x|  ⟶  log(abs(x))
text  σ'(z₁¹)  ⟶  σ′(z_1^1)
text  σ′(z)  ⟶  σ′(z)
text  max(0, z)  ⟶  max(0, z)
text  max(z_1,0)  ⟶  max(z_1, 0)
text  tanh²(z)  ⟶  tanh^2(z)
text  1 - tanh^2(z)  ⟶  1 − tanh^2(z)
text  cosh(z)  ⟶  cosh(z)
text  exp(-z)  ⟶  exp(−z)
text  sqrt(a)  ⟶  sqrt(a)
text  √a  ⟶  sqrt(a)
text  |p - t|  ⟶  abs(p − t)
text  ||y - t||^2  ⟶  norm(y − t)^2
text  log(p)  ⟶  log(p)
text  log p_1  ⟶  log(p_1)
text  softmax(z)_2  ⟶  softmax_2(z)
text  softmax(z)ₖ  ⟶  softmax_k(z)
text  relu(z)  ⟶  relu(z)
text  f'(z)  ⟶  f′(z)
text  L(ŷ, y)  ⟶  L
typst sigma'(z_1)  ⟶  σ′(z_1)
typst op("softmax")(z)  ⟶  softmax(z)
typst max(0, z)  ⟶  max(0, z)
typst abs(p - t)  ⟶  abs(p − t)
typst norm(y - t)^2  ⟶  norm(y − t)^2
typst |p - t|  ⟶  abs(p − t)
typst sqrt(a)  ⟶  sqrt(a)
typst tanh^2(z)  ⟶  tanh^2(z)
typst log p_1  ⟶  log(p_1)

[sums]
latex -\sum_k t_k \log p_k  ⟶  −(Σ_k t_k · log(p_k))
latex \sum_{j=1}^{3} w_{1j} x_j  ⟶  Σ_j=1..3 w_1j · x_j
latex \sum_{j=1}^{n-1} a_j  ⟶  Σ_j=1..n − 1 a_j
latex \sum_{i,j} w_{ij}  ⟶  Σ_i (Σ_j w_ij)
latex \sum_{j \neq k} a_j  ⟶  Σ_j (j ≠ k) · a_j
text  Σ_{j≠k} a_j  ⟶  Σ_j (j ≠ k) · a_j
latex \sum\limits_j a_j  ⟶  Σ_j a_j
latex \frac{1}{N}\sum_{n} (p_n - t_n)^2  ⟶  1/N · (Σ_n (p_n − t_n)^2)
text  Σ_j w_1j x_j  ⟶  Σ_j w_1j · x_j
text  sum_j w_1j x_j  ⟶  Σ_j w_1j · x_j
text  Σⱼ wⱼ xⱼ  ⟶  Σ_j w_j · x_j
text  Σ_{j=1}^3 a_j  ⟶  Σ_j=1..3 a_j
text  Σ_{k=1}^5 ∂L/∂z_k^(2)  ⟶  Σ_k=1..5 ∂L/∂z_k^{(2)}
text  Σⱼ₌₁³ aⱼ  ⟶  Σ_j=1..3 a_j
text  1/2n Σ_i a_i  ⟶  1/(2 · n) · (Σ_i a_i)
text  z_k = Σ_i w_ki a_i  ⟶  z_k = Σ_i w_ki · a_i
typst sum_(j=1)^n w_(1j) x_j  ⟶  Σ_j=1..n w_1j · x_j
typst sum_j a_j  ⟶  Σ_j a_j
typst -sum_k t_k log p_k  ⟶  −(Σ_k t_k · log(p_k))

[conditions]
latex \left[ z > 0 \right]  ⟶  (z > 0)
latex [z_1 > 0]  ⟶  (z_1 > 0)
latex \mathbf{1}[z > 0]  ⟶  (z > 0)
latex \mathbb{1}_{z > 0}  ⟶  (z > 0)
latex \mathbf{1}_{\{z_1^1 \geq 0\}}  ⟶  (z_1^1 ≥ 0)
latex \mathbb{I}(z > 0)  ⟶  (z > 0)
latex \mathbf{1}^T \delta  ⟶  𝟏ᵀ · δ
latex \delta^T \mathbf{1}  ⟶  δᵀ · 𝟏
latex 1_{z>0}  ⟶  (z > 0)
latex \mathbf{1}\left[z>0\right]  ⟶  (z > 0)
latex I(z > 0)  ⟶  (z > 0)
latex I_{z > 0}  ⟶  (z > 0)
latex \mathbf{1}_{[z>0]}  ⟶  (z > 0)
text  [z > 0]  ⟶  (z > 0)
text  1[z>0]  ⟶  1 · (z > 0)
text  𝟏[z > 0]  ⟶  (z > 0)
text  𝟏 δ  ⟶  𝟏 · δ
text  δᵀ 𝟏  ⟶  δᵀ · 𝟏
text  (Z1 > 0)  ⟶  (Z_1 > 0)
text  I(z > 0)  ⟶  (z > 0)
typst \[z > 0\]  ⟶  (z > 0)
typst bb(1)[z > 0]  ⟶  (z > 0)
typst bb(1)_(z > 0)  ⟶  (z > 0)
typst bold(1)^T delta  ⟶  𝟏ᵀ · δ
typst delta^T bold(1)  ⟶  δᵀ · 𝟏
typst lr([z > 0])  ⟶  (z > 0)
typst z >= 0  ⟶  z ≥ 0

[cases]
latex \begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases}  ⟶  {1 if z > 0; 0}
latex \begin{cases} z, & z > 0 \\ 0, & z \le 0 \end{cases}  ⟶  {z if z > 0; 0 if z ≤ 0}
latex \left\{ \begin{array}{ll} 1 & z > 0 \\ 0 & z \le 0 \end{array} \right.  ⟶  {1 if z > 0; 0 if z ≤ 0}
typst cases(1 "if" z > 0, 0 "otherwise")  ⟶  {1 if z > 0; 0}
typst cases(z & z > 0, 0 & z <= 0)  ⟶  {z if z > 0; 0 if z ≤ 0}

[decorations]
latex \nabla_{\mathbf{W}} \mathcal{L}  ⟶  ∂L/∂W
latex \underbrace{(p - t)}_{\delta} \cdot x  ⟶  (p − t) · x
latex \overbrace{a + b}^{\text{sum}}  ⟶  a + b
latex \boxed{a}  ⟶  a
latex \color{red} a  ⟶  a
latex \textcolor{red}{a} b  ⟶  a · b
latex {\color{red} a} b  ⟶  a · b
latex \phantom{x} a \hspace{1em} b  ⟶  a · b
latex a \label{eq:1}  ⟶  a
latex a \tag{1}  ⟶  a
latex a \stackrel{!}{=} b  ⟶  a = b
typst "loss"  ⟶  loss
typst underbrace(p - t, "error") dot x  ⟶  (p − t) · x
typst a quad b  ⟶  a · b
typst text("loss")  ⟶  loss
typst italic("pred")  ⟶  pred
typst cal(L)  ⟶  L
typst arrow(x)  ⟶  x

[shapes]
latex \frac{\partial L}{\partial \mathbf{W}} \in \mathbb{R}^{2 \times 3}  ⟶  shape of ∂L/∂W ∈ (2, 3)
latex \frac{\partial L}{\partial W} \text{ shape} = (2, 1)  ⟶  shape of ∂L/∂W = (2, 1)
text  W ∈ ℝ^{2×1}  ⟶  shape of W ∈ (2, 1)
text  W ∈ ℝ²ˣ¹  ⟶  shape of W ∈ (2, 1)
text  shape of W = (2, 1)  ⟶  shape of W = (2, 1)
text  W.shape = (2, 1)  ⟶  shape of W = (2, 1)

[relations]
latex a\,b\;c  ⟶  a · b · c
latex w_1 \leftarrow w_1 - \eta \frac{\partial L}{\partial w_1}  ⟶  w_1 ← w_1 − η · ∂L/∂w_1
latex a = b, \quad c = d  ⟶  a = b ; c = d
latex a = b \quad \text{where} \quad c = d  ⟶  a = b ; <where> c = d
latex a = b \\ c  ⟶  a = b ; c
latex a := b  ⟶  a := b
text  w ← w − η ∂L/∂w  ⟶  w ← w − η · ∂L/∂w
text  a <= b  ⟶  a ≤ b
text  a -> b  ⟶  a → b
text  a => b  ⟶  a ; b
text  a where b = c  ⟶  a ; <where> b = c
text  a, b  ⟶  a ; b

[numbers]
latex \frac12 (p - t)^2  ⟶  1/2 · (p − t)^2
latex \frac{1}2 a  ⟶  1/2 · a
latex \tfrac1{2} a  ⟶  1/2 · a
latex \frac{1}{1 + e^{-z}}  ⟶  1/(1 + e^(−z))
latex (a + b)^{10}  ⟶  (a + b)^10
latex 2a  ⟶  2 · a
latex 2 \cdot 10^{-3}  ⟶  2 · 10^(−3)
latex 1e-3  ⟶  1/1000
latex .5 a  ⟶  1/2 · a
latex ½ a  ⟶  1/2 · a
latex 1/2 a  ⟶  1/2 · a
latex 1/2n  ⟶  1/(2 · n)
latex w_{1,10}  ⟶  w_{1,10}
text  w_10,3  ⟶  w_{10,3}
text  ŷ×pred×x÷b  ⟶  ŷ · pred · (x/b)
text  w_12^2,0  ⟶  w_12^{2,0}
text  max(z^2,0)  ⟶  max(z^2, 0)
text  ½ (p − t)²  ⟶  1/2 · (p − t)^2
text  1/2 (pred - true)^2  ⟶  1/2 · (pred − true)^2
text  1/2n  ⟶  1/(2 · n)
text  1e-3  ⟶  1/1000
text  0.5  ⟶  1/2
text  2.5e+2 a  ⟶  250 · a
text  3·10⁻³  ⟶  3 · 10^(−3)
typst 1/2 (p - t)^2  ⟶  1/2 · (p − t)^2
typst frac(1, 2) a  ⟶  1/2 · a

[powers]
latex e^{-z}  ⟶  e^(−z)
latex e^z  ⟶  e^z
latex \lVert a \rVert_2^2  ⟶  norm_2(a)^2
latex (a + b)^2  ⟶  (a + b)^2
latex (a + b)^{-1}  ⟶  (a + b)^(−1)
text  (y^ - y)^2  ⟶  (ŷ − y)^2
text  (p-t)**2  ⟶  (p − t)^2
text  e^-z  ⟶  e^(−z)
text  e^(-z)  ⟶  e^(−z)
text  e^z  ⟶  e^z
text  1/(1 + e^-z)  ⟶  1/(1 + e^(−z))
text  (a + b)²  ⟶  (a + b)^2
text  -x^2  ⟶  −x^2
typst bold(W)^((1)) bold(x)  ⟶  W^{(1)} · x
typst e^(-z)  ⟶  e^(−z)

[brackets]
latex \big(a + b\big)  ⟶  (a + b)
latex \bigl[ a \bigr]  ⟶  (a)
latex \Bigl\{ a \Bigr\}  ⟶  (a)
latex \left( a \right)  ⟶  (a)
latex （a + b）  ⟶  (a + b)

[products]
latex \hat y  ⟶  ŷ
latex a \odot b \circ c  ⟶  a ⊙ b ⊙ c
latex a \times b * c  ⟶  a · b · c
latex a^{(2)}_1 (1 - a^{(2)}_1)  ⟶  a_1^{(2)} · (1 − a_1^{(2)})
latex a / b c  ⟶  a/b · c
latex -a \cdot b  ⟶  −a · b
latex - a + b  ⟶  −a + b
latex a - -b  ⟶  a − (−b)
latex a~b  ⟶  a · b
text  w_1x_1 + w_2x_2  ⟶  w_1 · x_1 + w_2 · x_2
text  w1x1 + w2*x2  ⟶  w_1 · x_1 + w_2 · x_2
text  y_true - y_pred  ⟶  y_{true} − y_{pred}
text  ŷ_1 - y  ⟶  ŷ_1 − y
text  y^ - y  ⟶  ŷ − y
text  2(a−t)  ⟶  2 · (a − t)
text  a × b ⊙ c ∘ d  ⟶  a · b ⊙ c ⊙ d
text  wx + b  ⟶  w · x + b
text  XW_1 + b  ⟶  X · W_1 + b
text  Wa  ⟶  W · a
text  a_1^2(1 - a_1^2)  ⟶  a_1^2 · (1 − a_1^2)
text  -a*b  ⟶  −a · b
text  a·b  ⟶  a · b
text  z1 = w11*x1 + b1  ⟶  z_1 = w_11 · x_1 + b_1
text  a b/c  ⟶  a · (b/c)
typst a_1^2 (1 - a_1^2)  ⟶  a_1^2 · (1 − a_1^2)
typst a_(i j)  ⟶  a_ij
typst a dot b times c dot.o d  ⟶  a · b · c ⊙ d
typst a compose b  ⟶  a ⊙ b
typst "pred" - "true"  ⟶  pred − true
typst alpha theta  ⟶  α · θ
typst w x + b  ⟶  w · x + b

[names]
latex \hat{y}_1  ⟶  ŷ_1
latex \hat{y_1}  ⟶  ŷ_1
latex \hat{\mathbf{y}}  ⟶  ŷ
latex \mathbf{\hat{y}}  ⟶  ŷ
latex \bar{w}  ⟶  w̄
latex \mathbf{W_1}  ⟶  W_1
latex \text{y\_hat}  ⟶  y_hat
latex a_1^1[3]  ⟶  a_1^1[3]
latex x^{(i)}_j  ⟶  x_j^{(i)}
latex a^{[l-1]}  ⟶  a^{[l-1]}
latex b_{\text{out}}  ⟶  b_{out}
latex \theta_1  ⟶  θ_1
latex 𝑤_1 + 𝑏  ⟶  w_1 + b
latex a_{1}^{2}{}  ⟶  a_1^2
latex W^{l}_{jk}  ⟶  W_jk^l
text  w_ij^1  ⟶  w_ij^1
text  w_kj^(2)  ⟶  w_kj^{(2)}
text  w_1i^(4)  ⟶  w_1i^{(4)}
text  w_i1  ⟶  w_i1
text  w_i,j  ⟶  w_{i,j}
text  δ_ia_j  ⟶  δ_i · a_j
text  w1  ⟶  w_1
text  w11  ⟶  w_11
text  x1  ⟶  x_1
text  w_out  ⟶  w_{out}
text  y_hat  ⟶  ŷ
text  Y_hat_1  ⟶  Ŷ_1
text  ŷ  ⟶  ŷ
text  w₁₁²  ⟶  w_11^2
text  w²₁₁  ⟶  w_11^2
text  a⁽²⁾₁  ⟶  a_1^{(2)}
text  z_1^1[3]  ⟶  z_1^1[3]
text  x_in  ⟶  x_in
text  𝑤₁𝑥₁  ⟶  w_1 · x_1
text  a_L  ⟶  a_L
text  ŷ₁  ⟶  ŷ_1
text  w_1 ^ 2  ⟶  w_1^2
typst hat(y)_1  ⟶  ŷ_1
typst hat(bold(y))  ⟶  ŷ
typst hat(y_1)  ⟶  ŷ_1
typst W^(2)  ⟶  W^2
typst W^((2))  ⟶  W^{(2)}
typst w_ij  ⟶  w_ij
typst ell  ⟶  ℓ
typst a_"out"  ⟶  a_{out}

[whole lines]
latex \mathrm{ReLU}'(z)  ⟶  ReLU′(z)
latex \frac{\partial}{\partial z}\left(\frac{1}{1+e^{-z}}\right)  ⟶  ∂(1/(1 + e^(−z)))/∂z
latex \sigma(z)\,(1-\sigma(z))  ⟶  σ(z) · (1 − σ(z))
latex \hat{y}\left(1-\hat{y}\right)  ⟶  ŷ · (1 − ŷ)
latex 2\,(p-t)\,x_1  ⟶  2 · (p − t) · x_1
latex \frac{\partial L}{\partial \hat y} \, \frac{\partial \hat y}{\partial z}  ⟶  ∂L/∂ŷ · ∂ŷ/∂z
latex a_1^2 \left( 1 - a_1^2 \right)  ⟶  a_1^2 · (1 − a_1^2)
latex \dfrac{\partial L}{\partial w} & = x  ⟶  ∂L/∂w = x
latex L = -\sum_{i=1}^{n} y_i \log(\hat{y}_i)  ⟶  L = −(Σ_i=1..n y_i · log(ŷ_i))
latex \operatorname{softmax}(\mathbf{z})_i = \frac{e^{z_i}}{\sum_j e^{z_j}}  ⟶  softmax_i(z) = e^z_i/(Σ_j e^z_j)
latex p_i = e^{z_i} / \sum_j e^{z_j}  ⟶  p_i = e^z_i/(Σ_j e^z_j)
latex \frac{1}{2n}\sum_{i=1}^n (y_i - \hat y_i)^2  ⟶  1/(2 · n) · (Σ_i=1..n (y_i − ŷ_i)^2)
latex \left[\frac{\partial L}{\partial w_{11}}, \frac{\partial L}{\partial w_{12}}\right]  ⟶  (∂L/∂w_11, ∂L/∂w_12)
latex w_{11}, w_{12} = 1  ⟶  w_11 ; w_12 = 1
latex (a)(b)(c)  ⟶  (a) · (b) · (c)
latex \partial L/\partial w = \partial L/\partial a \cdot \partial a/\partial w  ⟶  ∂L/∂w = ∂L/∂a · ∂a/∂w
latex \frac{\partial L}{\partial w} \overset{\text{chain rule}}{=} a  ⟶  ∂L/∂w = a
text  p_i = e^z_i / Σ_j e^z_j  ⟶  p_i = e^z_i/(Σ_j e^z_j)
text  ∂L/∂z_i = p_i − y_i  ⟶  ∂L/∂z_i = p_i − y_i
text  ∂L/∂w = −2/n Σ_i (y_i − ŷ_i) x_i  ⟶  ∂L/∂w = −2/n · (Σ_i (y_i − ŷ_i) · x_i)
text  L = −Σ y_k log ŷ_k  ⟶  L = −(Σ_ y_k · log(ŷ_k))
text  δ² = (W³ᵀ δ³) ⊙ σ'(z²)  ⟶  δ^2 = (W^3ᵀ · δ^3) ⊙ σ′(z^2)
text  dL/dz = dL/da * da/dz  ⟶  ∂L/∂z = ∂L/∂a · ∂a/∂z
text  ∂E/∂w₁₁ = (ŷ−y)·σ′(z)·x₁  ⟶  ∂E/∂w_11 = (ŷ − y) · σ′(z) · x_1
text  1/(1+exp(-z))  ⟶  1/(1 + exp(−z))
text  loss = (pred-true)^2/2  ⟶  loss = (pred − true)^2/2
text  dZ1 = dA1 * (Z1 > 0)  ⟶  dZ_1 = dA_1 · (Z_1 > 0)
text  z = w1*x1 + w2*x2 + b  ⟶  z = w_1 · x_1 + w_2 · x_2 + b
text  a1(1-a1)  ⟶  a_1 · (1 − a_1)
text  ∂L/∂b1 = δ1  ⟶  ∂L/∂b_1 = δ_1
"""
"""By idea: the markup, a formula, and behind the arrow what is read, spelled plainly."""

UNREAD = r"""
latex a + \cdots + b  ⟶  ellipsis  \cdots
latex a + \ldots  ⟶  ellipsis  \ldots
text  a + ... + b  ⟶  ellipsis  ...
text  a + … + b  ⟶  ellipsis  …
typst a + dots + b  ⟶  ellipsis  dots
typst a + dots.c  ⟶  ellipsis  dots.c
latex \left.\frac{\partial L}{\partial w}\right|_{w=0}  ⟶  evaluated  \right|
latex a |_{x=0}  ⟶  evaluated  |
latex \begin{pmatrix} a \\ b \end{pmatrix}  ⟶  matrix  \begin{pmatrix}
typst mat(1, 2)  ⟶  matrix  mat
latex \tanh^{-1}(z)  ⟶  inverse_function  ^{-1}
text  tanh⁻¹(z)  ⟶  inverse_function  ⁻¹
typst tanh^(-1)(z)  ⟶  inverse_function  ^(-1)
latex \log_2 p  ⟶  logarithm_base  \log_2
text  log2(p)  ⟶  logarithm_base  log2
latex \frac{\partial^2 L}{\partial w^2}  ⟶  second_derivative  \partial^2
latex \frac{d^2 L}{dw^2}  ⟶  second_derivative  d^2 L
text  ∂²L/∂w²  ⟶  second_derivative  ∂²L
latex \nabla^2 L  ⟶  second_derivative  \nabla^2
latex \nabla L  ⟶  gradient_of  \nabla
latex \frac{\partial}{\partial w}  ⟶  half_derivative  \frac{\partial}{\partial w}
latex \partial L  ⟶  half_derivative  \partial L
latex \frac{\partial L}{2}  ⟶  half_derivative  \partial L
text  ∂L  ⟶  half_derivative  ∂L
latex (a + b  ⟶  unclosed  (
latex \frac{a}{b  ⟶  unclosed  {
latex {a  ⟶  unclosed  {
latex \left\{ a  ⟶  unclosed  \{
text  [z >= 0  ⟶  unclosed  [
typst frac(a, b  ⟶  unclosed  (
typst "loss  ⟶  unclosed  "
latex p(y|x)  ⟶  unclosed  (
latex a + b)  ⟶  unopened  )
text  a + b]  ⟶  unopened  ]
latex a +  ⟶  ends
latex a \cdot  ⟶  ends
latex \max_j  ⟶  ends
latex + / a  ⟶  unexpected  /
latex x_1_2  ⟶  unexpected  _2
latex w_{1;2}  ⟶  unexpected  _{1;2}
latex \hat{a + b}  ⟶  unexpected  \hat{a + b}
latex \sum_{j < k} a_j  ⟶  unexpected  j < k
latex \sqrt[3]{a}  ⟶  unexpected  \sqrt
text  w_11_2  ⟶  unexpected  _2
typst frac(a)  ⟶  unexpected  frac(a)
typst sigma prime (z)  ⟶  unexpected  prime
latex \prod_i a_i  ⟶  character  \prod
latex \int f  ⟶  character  \int
latex a!  ⟶  character  !
latex a ? b  ⟶  character  ?
latex $a$  ⟶  character  $
latex \begin{foo}  ⟶  character  \begin{foo}
text  50%  ⟶  character  %
typst #foo  ⟶  character  #foo
latex 1e999999999  ⟶  too_large  1e999999999
latex = b  ⟶  continues
"""
"""The markup, a formula whose first side cannot be read, the reason, and what stands at the place that is named."""

_LEVEL, _SECONDS = 2_000, 10.0


def _rows(table: str) -> list[tuple[str, str, str]]:
    found = []
    for line in table.strip().splitlines():
        if line and not line.startswith("["):
            left, right = line.split("⟶")
            found.append((left[:5].strip(), left[6:].strip(), right.strip()))
    return found


def _plain(chain: Chain) -> str:
    first, *others = (spelled(side.node) for side in chain.sides)
    lead = f"<{chain.lead}> " if chain.lead else ""
    return lead + first + "".join(f" {r} {side}" for r, side in zip(chain.relations, others, strict=True))


def _nodes(chains: tuple[Chain, ...]) -> Iterator[tuple[Node, Node | None]]:
    """Yield every node that was read, with its parent."""
    waiting: list[tuple[object, Node | None]] = [
        (side.node, None) for chain in chains for side in chain.sides if not isinstance(side.node, Unread)
    ]
    while waiting:
        part, parent = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend((one, parent) for one in part)
        elif isinstance(part, Node):
            yield part, parent
            waiting.extend((getattr(part, field.name), part) for field in fields(part) if field.name != "span")


def _written() -> list[tuple[str, str]]:
    """Return formulas of every markup: the table's, and lines as people write them for whole networks."""
    lines = [
        (markup, source)
        for markup in MARKUPS
        for case in generate(11, 60, wrong=0.3, forms=(markup,))
        for source in (*case.context, case.source)
    ]
    return list(dict.fromkeys([(markup, source) for markup, source, _ in _rows(READ)] + lines))


WRITTEN = _written()


def test_the_table_is_large_and_holds_every_markup() -> None:
    rows = _rows(READ)
    assert len(rows) >= 150
    assert len({row[:2] for row in rows}) == len(rows)
    assert {markup for markup, _, _ in rows} == set(MARKUPS)


@pytest.mark.parametrize(("markup", "source", "expected"), _rows(READ))
def test_a_formula_is_read_as_it_is_meant(markup: str, source: str, expected: str) -> None:
    assert " ; ".join(_plain(chain) for chain in read_formula(source, markup)) == expected


@pytest.mark.parametrize(("markup", "source", "expected"), _rows(UNREAD))
def test_what_is_no_formula_says_where_and_why(markup: str, source: str, expected: str) -> None:
    nodes = [side.node for chain in read_formula(source, markup) for side in chain.sides]
    node = next(node for node in nodes if isinstance(node, Unread))
    reason, _, found = expected.partition("  ")
    assert (node.reason, source[slice(*node.span)]) == (reason, found)
    assert f"`{reason}`" in (Unread.__doc__ or "")


@pytest.mark.parametrize("bad", [row[1] for row in _rows(UNREAD) if row[0] == "latex" and row[2] != "continues"])
def test_one_unreadable_side_leaves_the_others_alone(bad: str) -> None:
    (chain,) = read_formula(f"a_1 = {bad} = 2 c", "latex")
    assert chain.relations == ("=", "=")
    assert [spelled(side.node) for side in chain.sides] == ["a_1", "", "2 · c"]
    assert chain.sides[1].span[0] >= 5
    assert chain.sides[1].span[1] <= 7 + len(bad)


def test_brackets_around_a_fault_hide_no_side_behind_it() -> None:
    (chain,) = read_formula(r"\frac{\foo (b = c)}{2} = d")
    assert [spelled(side.node) for side in chain.sides] == ["", "d"]


def test_a_transpose_belongs_to_the_whole_derivative() -> None:
    for markup, source in (("latex", r"\frac{\partial L}{\partial W}^T"), ("text", "∂L/∂W.T")):
        (chain,) = read_formula(source, markup)
        node = chain.sides[0].node
        assert isinstance(node, Transposed)
        assert node.span == (0, len(source))


@pytest.mark.parametrize(("markup", "source"), [("latex", "e^z"), ("text", "e^z"), ("text", "eᶻ"), ("typst", "e^z")])
def test_a_letter_above_e_is_a_power(markup: str, source: str) -> None:
    node = read_formula(source, markup)[0].sides[0].node
    assert isinstance(node, Raised)


def test_marks_say_how_factors_are_joined() -> None:
    node = read_formula(r"a b \cdot c \odot d @ e")[0].sides[0].node
    assert isinstance(node, Times)
    assert node.marks == ("", "·", "⊙", "@")


@pytest.mark.parametrize(("markup", "source"), WRITTEN)
def test_every_name_is_read_again_from_its_own_place(markup: str, source: str) -> None:
    nodes = list(_nodes(read_formula(source, markup)))
    functions = {id(node.function) for node, _ in nodes if isinstance(node, Applied)}
    for name in (node for node, _ in nodes if isinstance(node, Name) and id(node) not in functions):
        start, end = name.span
        again = read_formula(source[start:end], markup)[0].sides[0].node
        if isinstance(again, Transposed):
            again = again.body  # the ⊤ stands in the midst of the name
        assert isinstance(again, Name), (source, name)
        here = {
            place: tuple(at + start for at in getattr(again, place))
            for place in ("sub_span", "sup_span")
            if getattr(again, place) != (0, 0)
        }
        assert replace(again, span=name.span, **here) == name


@pytest.mark.parametrize(("markup", "source"), WRITTEN)
def test_every_node_stands_within_its_parent(markup: str, source: str) -> None:
    chains = read_formula(source, markup)
    for node, parent in _nodes(chains):
        start, end = node.span
        assert 0 <= start < end <= len(source), (source, node)
        if parent is not None:
            assert parent.span[0] <= start, (source, node, parent)
            assert end <= parent.span[1], (source, node, parent)
    for chain in chains:
        for side in chain.sides:
            assert chain.span[0] <= side.span[0] <= side.span[1] <= chain.span[1]


@pytest.mark.parametrize(("markup", "source"), [
    ("latex", "2 x_{12}^{(3)}"), ("latex", r"2 x_{ 12 }^{ (3) }"), ("text", "2 x₁₂⁽³⁾"), ("text", "2 x_12^(3)"),
    ("typst", "2 x_(12)^((3))"), ("latex", r"2 x_{12}^{(3)T}"), ("text", "2 x_12^(3)T"), ("text", "2 x⁽³⁾₁₂"),
])  # fmt: skip
def test_the_places_of_scripts_hold_their_contents_alone(markup: str, source: str) -> None:
    (name,) = (node for node, _ in _nodes(read_formula(source, markup)) if isinstance(node, Name))
    assert (name.sub, name.sup) == ("12", "(3)")
    assert source[slice(*name.sub_span)] in ("12", "₁₂")
    assert source[slice(*name.sup_span)] in ("(3)", "⁽³⁾")


def test_a_number_is_exact() -> None:
    node = read_formula("1e-3")[0].sides[0].node
    assert isinstance(node, Literal)
    assert (node.value.numerator, node.value.denominator) == (1, 1000)


@pytest.mark.parametrize(("source", "reason"), [
    ("(" * _LEVEL + "a" + ")" * _LEVEL, "too_deep"),
    ("{" * _LEVEL + "a" + "}" * _LEVEL, "too_deep"),
    (r"\frac{a}{" * 100 + "a" + "}" * 100, "too_deep"),
    ("-" * _LEVEL + "a", "too_deep"),
    ("/".join("a" * _LEVEL), "too_deep"),
    ("a" + "'^T" * _LEVEL, "too_deep"),
    (r"\sum_i" * 300 + "a", "too_deep"),
    ("99999999!", "character"),
    ("9" * 1_000, "too_large"),
    ("+".join("a" * 10_000), "too_long"),
    ("a " * 5_000_000, "too_long"),
    ("(=" * 9_000, "too_deep"),
    ("(=" * 50, "unclosed"),
    ("(" * 9_000, "too_deep"),
    ("=" * 19_000, "ends"),
    ("a_" * 9_000, "unexpected"),
    (r"\sqrt" * 3_000, "too_deep"),
    (r"\frac" * 3_000, "too_deep"),
    (r"\underbrace" * 1_500, "too_deep"),
    (r"\boxed{" * 1_000 + "a" + "}" * 1_000, "too_deep"),
    (r"\nabla_{" * 1_000 + "a" + "}" * 1_000, "too_deep"),
    (r"(\foo =" * 2_800, "character"),
    (r"\sum_{j=" + " " * 15_000 + "x !}", "unexpected"),
    (r"\hat{" + " " * 15_000 + "!}", "unexpected"),
    (r"\mathbf{1}(" * 1_500, "too_deep"),
])  # fmt: skip
@pytest.mark.parametrize("markup", MARKUPS)
def test_what_is_beyond_a_limit_is_refused_at_once(markup: str, source: str, reason: str) -> None:
    begun = time.process_time()  # of this process alone: a busy machine has no say in it
    chains = read_formula(source, markup)
    assert time.process_time() - begun < _SECONDS
    reasons = {side.node.reason for chain in chains for side in chain.sides if isinstance(side.node, Unread)}
    assert reason in reasons or (markup != "latex" and reasons)


def test_a_tower_of_powers_is_read_and_never_computed() -> None:
    assert spelled(read_formula("9^{9^{9^9}}")[0].sides[0].node) == "9^9^9^9"


_PIECES = (
    *"abdewxyzLTΣσδŷ∂∇0123456789₁₂¹²ᵀ⁻½𝟏√ \n+-−*·/^_=<>.,;:|‖!'′\"()[]{}&%#~\\@",
    "\\frac", "\\frac{", "}{", "\\partial ",    "\\left", "\\right", "\\sum", "\\hat", "\\text{", "\\mathbf{",
    "\\begin{cases}", "\\end{cases}", "\\\\", "\\nabla_", "\\log", "\\underbrace", "cases(", "frac(", "hat(",
    "d ", "sum_", "where ", "여기서 ", "\\sqrt", "\\mathrm d", "bold(1)",     "pred", "loss", "max(", ".T",
    ".shape", "ℝ^", "∈", "\u0302", "\\not", "_{", "^{",
)  # fmt: skip


@settings(max_examples=600, deadline=1_000)
@given(st.sampled_from(MARKUPS), st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
def test_mathematics_at_random_always_has_an_answer(markup: str, source: str) -> None:
    for node, parent in _nodes(read_formula(source, markup)):
        assert parent is None or (parent.span[0] <= node.span[0] and node.span[1] <= parent.span[1])


@settings(max_examples=300, deadline=1_000)
@given(st.sampled_from(MARKUPS), st.text(max_size=80))
def test_any_text_has_an_answer(markup: str, source: str) -> None:
    for chain in read_formula(source, markup):
        assert len(chain.relations) == len(chain.sides) - 1
        for side in chain.sides:
            assert 0 <= side.span[0] <= side.span[1] <= len(source)
