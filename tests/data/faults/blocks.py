"""Small layers and functions for the planted faults: what the fixtures do not have."""

import tensorflow as tf
from keras import backend as K
from keras.layers import Dense, Lambda, Layer


class Attend(Layer):
    """Every step of the first sequence looks at every step of the second."""

    def call(self, inputs):
        query, keys = inputs
        query = tf.reshape(query, (-1, 6, 4))
        keys = tf.reshape(keys, (-1, 6, 4))
        weights = tf.nn.softmax(tf.matmul(query, keys, transpose_b=True) / 2.0)
        return tf.matmul(weights, keys)


class Phase(Layer):
    """Noise-free: doubled in training, squashed in testing."""

    def call(self, x, training=None):
        return tf.keras.backend.in_train_phase(x * 2.0, tf.tanh(x), training=training)


class MaskedMean(Layer):
    """The mean over the steps that a mask keeps, the sum where there is none."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        if mask is None:
            return tf.reduce_sum(x, axis=1)
        kept = tf.expand_dims(tf.cast(mask, x.dtype), -1)
        return tf.reduce_sum(x * kept, axis=1) / tf.maximum(tf.reduce_sum(kept, axis=1), 1.0)

    def compute_mask(self, inputs, mask=None):
        return None


class Standardize(Layer):
    """Mean 0 and deviation 1 over the features, then half of the features."""

    def __init__(self, epsilon=0.001, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, x):
        mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
        scaled = (x - mean) * tf.math.rsqrt(variance + self.epsilon)
        first, second = tf.split(scaled, 2, axis=-1)
        return first - second


class Running(Layer):
    """Subtracts a running mean, which training updates."""

    def build(self, input_shape):
        self.mean = self.add_weight(name="mean", shape=(input_shape[-1],), initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, x):
        batch = tf.reduce_mean(x, axis=list(range(K.ndim(x) - 1)))
        self.add_update([K.moving_average_update(self.mean, tf.stop_gradient(batch), 0.9)], x)
        return x - self.mean


def neighbours(x):
    """Differences of neighbouring steps."""
    return x[:, 1:] - tf.slice(x, [0, 0, 0], [-1, 5, -1])


def halves(x):
    left, right = tf.split(x, [3, 3], axis=1)
    return tf.concat([right, left], axis=1)


def rank_loss(y_true, y_pred):
    """The share of the probability mass that lies behind the right class."""
    best = tf.argmax(y_true, axis=-1)
    hot = tf.one_hot(best, 4)
    return tf.reduce_sum(tf.where(tf.equal(hot, 1.0), tf.zeros_like(y_pred), y_pred), axis=-1)


def leaky(x):
    return tf.nn.leaky_relu(x) + tf.nn.elu(x, name="elu")


def dropped(x):
    return tf.nn.dropout(x, rate=0.25)


def log_cosh(y_true, y_pred):
    error = tf.subtract(y_pred, y_true)
    return tf.reduce_mean(error + tf.nn.softplus(-2.0 * error) - tf.math.log(2.0), axis=-1)


def hinge(y_true, y_pred):
    return tf.reduce_mean(tf.maximum(1.0 - tf.multiply(y_true, y_pred), 0.0), axis=-1)


def entropy(y_true, y_pred):
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)


def huber(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    return tf.reduce_mean(tf.where(tf.less_equal(error, 1.0), 0.5 * tf.square(error), error - 0.5), axis=-1)


def powers(x):
    return tf.math.cumsum(x, axis=1) - tf.math.cumprod(x, axis=1)


def straight_through(x):
    return x + tf.stop_gradient(tf.round(x) - x)


def turned(x):
    return tf.reverse(x, axis=[1]) + tf.transpose(tf.transpose(x, [1, 0, 2]), [1, 0, 2])


def counted(x):
    return tf.cast(tf.reduce_any(tf.greater(x, 0.0), axis=-1), tf.int32)


def picked(x):
    return tf.gather(tf.transpose(x, [1, 0, 2]), [0, 2])


def padded(x):
    return tf.pad(x, [[0, 0], [1, 2], [0, 0]])


def sequence():
    """What makes the functions above layer code."""
    return [
        Dense(4, activation=leaky),
        Lambda(neighbours),
        Lambda(halves),
        Lambda(powers),
        Lambda(straight_through),
        Lambda(turned),
        Lambda(counted),
        Lambda(picked),
        Lambda(padded),
        Lambda(dropped),
    ]
