package android.os;

import java.util.concurrent.LinkedBlockingQueue;

public final class Looper {
  final LinkedBlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();

  Looper() {}
}
