package android.os;

public class HandlerThread extends Thread {
  private static final Runnable LAST = () -> {};
  private final Looper looper = new Looper();

  public HandlerThread(String name) {
    super(name);
    setDaemon(true);
  }

  @Override
  public void run() {
    try {
      while (true) {
        Runnable next = looper.queue.take();
        if (next == LAST) return;
        next.run();
      }
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  public Looper getLooper() {
    return looper;
  }

  public boolean quitSafely() {
    return looper.queue.add(LAST);
  }
}
