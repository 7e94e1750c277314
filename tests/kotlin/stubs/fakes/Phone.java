package fakes;

import java.io.File;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/** The phone that the stubs of Android stand for: what a test says it has and does. */
public final class Phone {
  /** Types of sensors that it has not. */
  public static final Set<Integer> absent = new HashSet<>();

  /** Types of sensors that the system does not let the app read. */
  public static final Set<Integer> refused = new HashSet<>();

  /** Types of sensors for which the app lacks a permission. */
  public static final Set<Integer> forbidden = new HashSet<>();

  /** Who listens now. */
  public static final List<Listening> listening = new CopyOnWriteArrayList<>();

  /** Files among the app's assets. */
  public static final Map<String, byte[]> assets = new HashMap<>();

  /** The app's own folder. */
  public static File files;

  /** Permissions that the user has given, and those that the app asked for. */
  public static final Set<String> granted = new HashSet<>();

  public static final List<String> requested = new ArrayList<>();

  /** Services that run, the types with which they came to the foreground, and what they say. */
  public static final Set<String> started = new HashSet<>();

  public static final List<Integer> foreground = new ArrayList<>();
  public static final List<String> notified = new CopyOnWriteArrayList<>();

  private Phone() {}

  public static void reset() {
    absent.clear();
    refused.clear();
    forbidden.clear();
    listening.clear();
    assets.clear();
    granted.clear();
    requested.clear();
    started.clear();
    foreground.clear();
    notified.clear();
  }

  /** One registered listener. */
  public static final class Listening {
    public final int sensor;
    public final int periodUs;
    public final int latencyUs;
    public final Object listener;
    private final Delivery delivery;
    private final Accuracy accuracy;

    public Listening(
        int sensor,
        int periodUs,
        int latencyUs,
        Object listener,
        Delivery delivery,
        Accuracy accuracy) {
      this.sensor = sensor;
      this.periodUs = periodUs;
      this.latencyUs = latencyUs;
      this.listener = listener;
      this.delivery = delivery;
      this.accuracy = accuracy;
    }

    /** Delivers a reading, on the thread that the app asked for. */
    public void deliver(long nanoseconds, float... values) {
      delivery.deliver(nanoseconds, values);
    }

    public void accuracy(int status) {
      accuracy.change(status);
    }
  }

  public interface Delivery {
    void deliver(long nanoseconds, float[] values);
  }

  public interface Accuracy {
    void change(int status);
  }
}
