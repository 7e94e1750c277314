package android.view;

public class View {
  private OnClickListener listener;

  public interface OnClickListener {
    void onClick(View v);
  }

  public void setOnClickListener(OnClickListener l) {
    listener = l;
  }

  public boolean performClick() {
    listener.onClick(this);
    return true;
  }
}
